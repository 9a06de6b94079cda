/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer without running statistics, in eval: each rank normalizes with its own batch, so the
 * group's gradients of gamma and beta must not leak into dx.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "harness.h"

enum { N = 4 };

/* Ranks have other batches and other dy; dx sums to 0 over a batch that normalized itself. */
static int
pass_in_eval(int rank, void *argument)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(1);
	float x[N], y[N], dy[N], dx[N], sum = 0, weighted = 0;
	syncbn_tensor_t tx = syncbn_tensor_nc(x, N, 1), ty = syncbn_tensor_nc(y, N, 1);
	syncbn_tensor_t tdy = syncbn_tensor_nc(dy, N, 1), tdx = syncbn_tensor_nc(dx, N, 1);
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_group_t *world;

	config.track_running_stats = 0;
	config.param_grad_mode = *(const syncbn_param_grad_mode_t *)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(world, &config, &bn) == SYNCBN_OK);
	EXPECT(syncbn_saved_new(bn, &saved) == SYNCBN_OK);
	for (int i = 0; i < N; i++) {
		x[i] = (float)(i * i + 10 * rank);
		dy[i] = (float)(1 + i + 5 * rank * i);
	}
	EXPECT(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, saved) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_backward(bn, saved, &tdy, &tdx, NULL, SYNCBN_WANT_ALL) ==
	       SYNCBN_OK);
	for (int i = 0; i < N; i++) {
		sum += dx[i];
		weighted += dx[i] * y[i];
	}
	EXPECT(fabsf(sum) < 1e-4f && fabsf(weighted) < 1e-4f);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_dx_follows_the_local_batch_whatever_the_parameters_gradients_do(void **state)
{
	syncbn_param_grad_mode_t modes[] = { SYNCBN_PARAM_GRAD_LOCAL, SYNCBN_PARAM_GRAD_SUM,
					     SYNCBN_PARAM_GRAD_MEAN };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(run_ranks_failures(3, pass_in_eval, &modes[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_dx_follows_the_local_batch_whatever_the_parameters_gradients_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

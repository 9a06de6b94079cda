/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens between a forward pass over ranks and its backward pass: a rank leaves the group
 * and comes back, and a rank writes y over x while the others do not.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

enum { RANKS = 3, ROWS = 4, LONG_MS = 60000 };

/* Rows of one channel, on every rank the same numbers as any other rank computes for it. */
struct pending {
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	float x[ROWS], y[ROWS], dy[ROWS], dx[ROWS];
	syncbn_tensor_t tx, ty, tdy, tdx;
};

static float
x_of(int rank, int i)
{
	return (float)(rank * rank) + 0.5f * (float)i;
}

static float
dy_of(int rank, int i)
{
	return (float)(1 + rank) - 0.75f * (float)(i % 3);
}

static int
open_pending(struct pending *p, int rank)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);

	config.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	config.negative_slope = 1; /* a straight line, so that the formulas below stay short */
	EXPECT(join_run(&p->world, LONG_MS) == 0);
	EXPECT(syncbn_batch_norm_new(p->world, &config, &p->bn) == SYNCBN_OK);
	EXPECT(syncbn_saved_new(p->bn, &p->saved) == SYNCBN_OK);
	for (int i = 0; i < ROWS; i++) {
		p->x[i] = x_of(rank, i);
		p->dy[i] = dy_of(rank, i);
	}
	p->tx = syncbn_tensor_nc(p->x, ROWS, 1), p->ty = syncbn_tensor_nc(p->y, ROWS, 1);
	p->tdy = syncbn_tensor_nc(p->dy, ROWS, 1), p->tdx = syncbn_tensor_nc(p->dx, ROWS, 1);
	return 0;
}

static int
close_pending(struct pending *p)
{
	syncbn_saved_free(p->saved);
	syncbn_batch_norm_free(p->bn);
	EXPECT(syncbn_finalize(p->world) == SYNCBN_OK);
	return 0;
}

static syncbn_status_t
backward(struct pending *p)
{
	return syncbn_batch_norm_backward(p->bn, p->saved, &p->tdy, &p->tdx, NULL, SYNCBN_WANT_ALL);
}

/* Statistics of all ranks, gradients of ranks first.. only; the means are over all rows. */
static double
expected_dx(int rank, int i, int first)
{
	double mean = 0, var = 0, sum_g = 0, sum_g_xhat = 0, invstd, n = RANKS * ROWS;

	for (int k = 0; k < RANKS * ROWS; k++)
		mean += (double)x_of(k / ROWS, k % ROWS) / n;
	for (int k = 0; k < RANKS * ROWS; k++)
		var += pow((double)x_of(k / ROWS, k % ROWS) - mean, 2) / n;
	invstd = 1 / sqrt(var + 1e-5);
	for (int k = first * ROWS; k < RANKS * ROWS; k++) {
		double g = (double)dy_of(k / ROWS, k % ROWS);

		sum_g += g;
		sum_g_xhat += g * ((double)x_of(k / ROWS, k % ROWS) - mean) * invstd;
	}
	return ((double)dy_of(rank, i) - sum_g / n -
		((double)x_of(rank, i) - mean) * invstd * sum_g_xhat / n) *
	       invstd;
}

static int
check_dx(const struct pending *p, int rank, int first)
{
	for (int i = 0; i < ROWS; i++)
		EXPECT(fabs((double)p->dx[i] - expected_dx(rank, i, first)) < 1e-5);
	return 0;
}

/* The others' gradients are of those who are there; who has left is refused until all return. */
static int
leave_in_between(int rank, void *argument)
{
	struct pending p;

	(void)argument;
	EXPECT(open_pending(&p, rank) == 0);
	EXPECT(syncbn_batch_norm_forward(p.bn, &p.tx, NULL, &p.ty, p.saved) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(syncbn_group_leave(p.world) == SYNCBN_OK);
		EXPECT(backward(&p) == SYNCBN_ERR_INVALID && says("left"));
	} else {
		EXPECT(backward(&p) == SYNCBN_OK);
		EXPECT(check_dx(&p, rank, 1) == 0);
	}
	EXPECT(syncbn_group_return(p.world, NULL) == SYNCBN_OK);
	EXPECT(backward(&p) == SYNCBN_OK); /* of the same forward, now by all */
	EXPECT(check_dx(&p, rank, 0) == 0);
	return close_pending(&p);
}

static void
test_a_rank_may_leave_and_return_with_a_backward_pass_to_come(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, leave_in_between, NULL), 0);
}

/* What is exchanged is the same: whether x or y is kept is a rank's own business. */
static int
overwrite_alone(int rank, void *argument)
{
	struct pending p;

	(void)argument;
	EXPECT(open_pending(&p, rank) == 0);
	EXPECT(syncbn_batch_norm_forward(p.bn, &p.tx, NULL, rank == 1 ? &p.tx : &p.ty, p.saved) ==
	       SYNCBN_OK);
	EXPECT((p.x[1] == x_of(rank, 1)) == (rank != 1));
	EXPECT(backward(&p) == SYNCBN_OK);
	EXPECT(check_dx(&p, rank, 0) == 0);
	return close_pending(&p);
}

static void
test_one_rank_alone_may_write_y_over_x(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, overwrite_alone, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rank_may_leave_and_return_with_a_backward_pass_to_come),
		cmocka_unit_test(test_one_rank_alone_may_write_y_over_x),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks that get out of step in the layer's passes: every rank hears of it long before the
 * deadline, and is told who was in what. The last rank of three does something else than the
 * others, or rank 1 of two.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness.h"

enum { C = 8, N = 4, NOTICE_MS = 1000, TIMEOUT_MS = 300, LONG_MS = 60000 };

/* What a rank has, and how it differs. */
struct actor {
	syncbn_group_t *world;
	syncbn_batch_norm_t *first, *second;
	syncbn_saved_t *saved;
	uint64_t start_ns;
	int rank;
	syncbn_dtype_t dtype;
	int64_t channels;
	double x[N * C * 2], y[N * C * 2], dx[N * C * 2];
};

static struct actor a;

static int
join(int rank, int timeout_ms)
{
	syncbn_config_t config = SYNCBN_CONFIG;

	config.threads = 1;
	config.timeout_ms = timeout_ms;
	a.rank = rank;
	a.dtype = SYNCBN_FLOAT32;
	a.channels = C;
	for (size_t i = 0; i < (size_t)N * C * 2; i++)
		((float *)a.x)[2 * i] = ((float *)a.x)[2 * i + 1] = (float)(i % 5) + 1;
	EXPECT(syncbn_init(&config, &a.world) == SYNCBN_OK);
	return 0;
}

/* Layers "first" and "second", after `change` (may be NULL) has changed their settings. */
static int
make_layers(void (*change)(syncbn_batch_norm_config_t *))
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(a.channels);

	if (change != NULL)
		change(&config);
	config.name = "first";
	EXPECT(syncbn_batch_norm_new(a.world, &config, &a.first) == SYNCBN_OK);
	EXPECT(syncbn_saved_new(a.first, &a.saved) == SYNCBN_OK);
	config.name = "second";
	EXPECT(syncbn_batch_norm_new(a.world, &config, &a.second) == SYNCBN_OK);
	a.start_ns = sbn_now_ns();
	return 0;
}

static int
leave(void)
{
	syncbn_saved_free(a.saved);
	syncbn_batch_norm_free(a.first);
	syncbn_batch_norm_free(a.second);
	EXPECT(syncbn_finalize(a.world) == SYNCBN_OK);
	return 0;
}

static syncbn_tensor_t
tensor(double *data)
{
	syncbn_tensor_t t = syncbn_tensor_ncl(NULL, N, a.channels, 2);

	t.data = data;
	t.dtype = a.dtype;
	return t;
}

static syncbn_status_t
forward(syncbn_batch_norm_t *bn, syncbn_saved_t *saved)
{
	syncbn_tensor_t x = tensor(a.x), y = tensor(a.y);

	return syncbn_batch_norm_forward(bn, &x, NULL, &y, saved);
}

static syncbn_status_t
backward_of(syncbn_saved_t *saved, unsigned want)
{
	syncbn_tensor_t dy = tensor(a.x), dx = tensor(a.dx);

	return syncbn_batch_norm_backward(a.first, saved, &dy, &dx, NULL, want);
}

static syncbn_status_t
backward(unsigned want)
{
	return backward_of(a.saved, want);
}

/* Noticed in time, and both calls are told, each with its rank. */
static int
is_told(const char *one, const char *other)
{
	uint64_t took_ms = (sbn_now_ns() - a.start_ns) / SBN_NS_PER_MS;

	/* "rank 1 is in ..., this rank (0) ..." */
	return took_ms < 5 * NOTICE_MS && says(one) && says(other) &&
	       says(a.rank == 0 ? "rank 1 is " : "rank 0 is ") &&
	       says(a.rank == 0 ? "this rank (0)" : "this rank (1)");
}

/* The group has failed for good, on this rank too. */
static int
stays_failed(void)
{
	EXPECT(syncbn_barrier(a.world) == SYNCBN_ERR_MISMATCH);
	EXPECT(forward(a.second, NULL) == SYNCBN_ERR_MISMATCH);
	return leave();
}

/* ---- forward passes that do not fit ---- */

static int
take_another_layer(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(rank == 1 ? a.second : a.first, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("forward of first, call 1", "forward of second, call 1"));
	/* who has found it out; the other reads of a call that does not fit */
	EXPECT(!says("another layer") ||
	       says(rank == 1 ? "there number 1 in the order of making, here 2" :
				"there number 2 in the order of making, here 1"));
	return stays_failed();
}

static int
take_other_channels(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0);
	a.channels = rank == 1 ? C - 1 : C;
	EXPECT(make_layers(NULL) == 0);
	EXPECT(forward(a.first, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("forward of first", "forward of first"));
	return stays_failed();
}

static int
take_another_dtype(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	a.dtype = rank == 1 ? SYNCBN_BFLOAT16 : SYNCBN_FLOAT32;
	EXPECT(forward(a.first, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("forward of first", "forward of first"));
	EXPECT(strstr(syncbn_last_error(), "(8 channels of bfloat16") != NULL &&
	       strstr(syncbn_last_error(), "(8 channels of float32") != NULL);
	return stays_failed();
}

static void
activate(syncbn_batch_norm_config_t *config)
{
	config->activation = SYNCBN_ACTIVATION_RELU;
}

static void
weigh_less(syncbn_batch_norm_config_t *config)
{
	config->momentum = 0.01;
}

static int
take_other_settings(int rank, void *argument)
{
	void (*change)(syncbn_batch_norm_config_t *) =
		*(void (**)(syncbn_batch_norm_config_t *))argument;

	EXPECT(join(rank, LONG_MS) == 0 && make_layers(rank == 1 ? change : NULL) == 0);
	EXPECT(forward(a.first, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("forward of first", "forward of first"));
	return stays_failed();
}

#define check_ranks(body, argument) assert_int_equal(run_ranks_failures(2, body, argument), 0)

static void
test_forward_passes_that_do_not_fit_are_a_mismatch(void **state)
{
	void (*changes[])(syncbn_batch_norm_config_t *) = { activate, weigh_less };

	(void)state;
	check_ranks(take_another_layer, NULL);
	check_ranks(take_other_channels, NULL);
	check_ranks(take_another_dtype, NULL);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		check_ranks(take_other_settings, &changes[i]);
}

/* ---- backward passes ---- */

static int
want_another_gradient(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	EXPECT(backward(rank == 1 ? SYNCBN_WANT_DX | SYNCBN_WANT_DBETA : SYNCBN_WANT_ALL) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("backward of first", "backward of first"));
	EXPECT(is_told("wants dx dbeta)", "wants dx dgamma dbeta)"));
	return stays_failed();
}

/* Without DX rank 1 exchanges nothing, and goes on to the next layer. */
static int
want_no_dx(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	if (rank == 1) {
		EXPECT(backward(SYNCBN_WANT_DGAMMA | SYNCBN_WANT_DBETA) == SYNCBN_OK);
		EXPECT(forward(a.second, NULL) == SYNCBN_ERR_MISMATCH);
	} else {
		EXPECT(backward(SYNCBN_WANT_ALL) == SYNCBN_ERR_MISMATCH);
	}
	EXPECT(is_told("backward of first, call 1", "forward of second, call 2"));
	return stays_failed();
}

static int
go_back_early(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	if (rank == 1)
		EXPECT(backward(SYNCBN_WANT_DX) == SYNCBN_ERR_MISMATCH);
	else
		EXPECT(forward(a.second, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(is_told("backward of first, call 1", "forward of second, call 2"));
	return stays_failed();
}

/* The saved object of another forward pass of the same layer: gradients of different batches. */
static int
go_back_in_another_order(int rank, void *argument)
{
	syncbn_saved_t *later = NULL;

	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(syncbn_saved_new(a.first, &later) == SYNCBN_OK);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	EXPECT(forward(a.first, later) == SYNCBN_OK);
	EXPECT(backward_of(rank == 1 ? later : a.saved, SYNCBN_WANT_ALL) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("of another forward pass") && says("the saved objects in the same order"));
	syncbn_saved_free(later);
	return stays_failed();
}

/* ACCUMULATE is a rank's own business. */
static int
accumulate_alone(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	EXPECT(backward(SYNCBN_WANT_ALL | (rank == 1 ? SYNCBN_ACCUMULATE : 0)) == SYNCBN_OK);
	return leave();
}

static void
test_backward_passes_that_do_not_fit_are_a_mismatch(void **state)
{
	(void)state;
	check_ranks(want_another_gradient, NULL);
	check_ranks(want_no_dx, NULL);
	check_ranks(go_back_early, NULL);
	check_ranks(go_back_in_another_order, NULL);
	check_ranks(accumulate_alone, NULL);
}

/* ---- three ranks: the two that agree hear of the third ---- */

static int
one_of_three(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(rank == 2 ? a.second : a.first, NULL) == SYNCBN_ERR_MISMATCH);
	EXPECT(sbn_now_ns() - a.start_ns < 5 * NOTICE_MS * SBN_NS_PER_MS);
	/* a rank that comes after the others have found out is in nothing yet */
	EXPECT(says("forward of second") && says("every rank must make"));
	return stays_failed();
}

static void
test_every_rank_of_three_gets_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, one_of_three, NULL), 0);
}

/* ---- a rank that fails alone ---- */

static syncbn_status_t
forward_wrongly(void)
{
	syncbn_tensor_t x = tensor(a.x), y = tensor(a.y);

	y.shape[2] = 1;
	return syncbn_batch_norm_forward(a.first, &x, NULL, &y, NULL);
}

/* INVALID on rank 1 is nobody else's error: it may call again, rightly, in time. */
static int
fail_and_come_back(int rank, void *argument)
{
	(void)argument;
	EXPECT(join(rank, LONG_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(rank == 0 || forward_wrongly() == SYNCBN_ERR_INVALID);
	EXPECT(forward(a.first, a.saved) == SYNCBN_OK);
	EXPECT(backward(SYNCBN_WANT_ALL) == SYNCBN_OK);
	return leave();
}

/* `instead` is what rank 1 does in place of its second forward; it does not exchange anything. */
static int
wait_in_vain(int rank, volatile int *gave_up, int (*instead)(void))
{
	EXPECT(join(rank, TIMEOUT_MS) == 0 && make_layers(NULL) == 0);
	EXPECT(forward(a.first, NULL) == SYNCBN_OK);
	a.start_ns = sbn_now_ns();
	if (rank == 0) {
		EXPECT(forward(a.first, NULL) == SYNCBN_ERR_TIMEOUT);
		EXPECT(sbn_now_ns() - a.start_ns < 5 * TIMEOUT_MS * SBN_NS_PER_MS);
		EXPECT(says("rank 1 has not come") && says("in no collective"));
		EXPECT(says("last: forward of first, call 1"));
		EXPECT(says("this rank (0) is in forward of first, call 2"));
		EXPECT(says("is it in training on every rank?"));
		*gave_up = 1;
	} else {
		EXPECT(instead() == 0);
	}
	while (!*gave_up)
		sched_yield();
	EXPECT(forward(a.first, NULL) == SYNCBN_ERR_TIMEOUT);
	return leave();
}

static int
skip_by_invalid(void)
{
	EXPECT(forward_wrongly() == SYNCBN_ERR_INVALID && says("alike"));
	return 0;
}

static int
fail_alone(int rank, void *argument)
{
	return wait_in_vain(rank, argument, skip_by_invalid);
}

/* All ranks must be in the same mode: eval exchanges nothing. */
static int
skip_by_eval(void)
{
	EXPECT(syncbn_batch_norm_train(a.first, 0) == SYNCBN_OK);
	EXPECT(forward(a.first, NULL) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_train(a.first, 1) == SYNCBN_OK);
	return 0;
}

static int
evaluate_alone(int rank, void *argument)
{
	return wait_in_vain(rank, argument, skip_by_eval);
}

static void
test_a_rank_that_fails_alone_is_not_a_mismatch(void **state)
{
	(void)state;
	check_ranks(fail_and_come_back, NULL);
	check_ranks(fail_alone, shared_memory(sizeof(int)));
	check_ranks(evaluate_alone, shared_memory(sizeof(int)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward_passes_that_do_not_fit_are_a_mismatch),
		cmocka_unit_test(test_backward_passes_that_do_not_fit_are_a_mismatch),
		cmocka_unit_test(test_every_rank_of_three_gets_a_mismatch),
		cmocka_unit_test(test_a_rank_that_fails_alone_is_not_a_mismatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A rank whose peer is late goes on with its sums, and the results are the same. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "comm/group.h"
#include "harness.h"
#include "sync/ring.h"

/*
 * Of blocked layouts three chunks, one more than are summed ahead of a peer that is on time; of
 * others as many as channels, whose strides share few of a small cache's sets.
 */
enum { CHANNELS = 48, IMAGES = 2, SIDE = 3, ELEMENTS = IMAGES * CHANNELS * SIDE * SIDE };

struct kind {
	const char *stores;
	syncbn_layout_t layout;
	syncbn_dtype_t dtype;
};

/* Of floats or doubles. */
struct buffers {
	double x[ELEMENTS], dy[ELEMENTS], y[ELEMENTS], dx[ELEMENTS];
};

static void
set(void *to, syncbn_dtype_t dtype, int i, int value)
{
	if (dtype == SYNCBN_FLOAT64)
		((double *)to)[i] = value / 3.0;
	else
		((float *)to)[i] = (float)value;
}

static void
fill(struct buffers *b, syncbn_dtype_t dtype, int rank)
{
	for (int i = 0; i < ELEMENTS; i++) {
		set(b->x, dtype, i, (i * 7 + rank * 5) % 23);
		set(b->dy, dtype, i, (i * 11 + rank * 3) % 19);
	}
}

static syncbn_tensor_t
tensor_of(const struct kind *kind, void *data)
{
	return (syncbn_tensor_t){
		.data = data,
		.dtype = kind->dtype,
		.layout = kind->layout,
		.ndim = 4,
		.shape = { IMAGES, CHANNELS, SIDE, SIDE },
	};
}

/*
 * Whether rank 0 has summed all its channels of the next call, which this rank is late for. Where
 * they take turns on a CPU it would wait.
 */
static int
is_summed(const struct syncbn_group *world, enum sbn_stream stream)
{
	static const struct sbn_call any;
	struct sbn_ring view = world->rings[stream];
	const uint64_t end = sbn_now_ns() + UINT64_C(10000) * SBN_NS_PER_MS;

	sbn_ring_begin_unseen(&view, &any);
	while (world->may_spin && !sbn_ring_covered(&view, 0, 0, CHANNELS)) {
		EXPECT(sbn_now_ns() < end);
		sched_yield();
	}
	return 0;
}

static int
forward_and_back(syncbn_batch_norm_t *bn, const struct kind *kind, struct buffers *b,
		 const syncbn_group_t *late_for)
{
	syncbn_tensor_t x = tensor_of(kind, b->x), y = tensor_of(kind, b->y);
	syncbn_tensor_t dy = tensor_of(kind, b->dy), dx = tensor_of(kind, b->dx);
	syncbn_saved_t *saved;

	EXPECT(syncbn_saved_new(bn, &saved) == SYNCBN_OK);
	EXPECT(late_for == NULL || is_summed(late_for, SBN_STREAM_FORWARD) == 0);
	EXPECT(syncbn_batch_norm_forward(bn, &x, NULL, &y, saved) == SYNCBN_OK);
	EXPECT(late_for == NULL || is_summed(late_for, SBN_STREAM_BACKWARD) == 0);
	EXPECT(syncbn_batch_norm_backward(bn, saved, &dy, &dx, NULL, SYNCBN_WANT_ALL) == SYNCBN_OK);
	syncbn_saved_free(saved);
	return 0;
}

/* Rank 1 comes when rank 0 has nothing left to sum; then both come as they can. */
static int
be_late(int rank, void *argument)
{
	static struct buffers late, on_time;
	const struct kind *kind = argument;
	syncbn_batch_norm_config_t layer = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_batch_norm_t *bn;
	syncbn_group_t *world;

	setenv("SYNCBN_CHUNK_BYTES", "1", 1); /* as few channels a chunk as can be */
	setenv("SYNCBN_STORES", kind->stores, 1);
	layer.dtype = kind->dtype;
	fill(&late, kind->dtype, rank);
	fill(&on_time, kind->dtype, rank);
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(syncbn_batch_norm_new(world, &layer, &bn) == SYNCBN_OK);
	EXPECT(forward_and_back(bn, kind, &late, rank == 1 ? world : NULL) == 0);
	EXPECT(forward_and_back(bn, kind, &on_time, NULL) == 0);
	EXPECT(memcmp(&late, &on_time, sizeof(late)) == 0);
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_sums_while_its_peer_is_late(void **state)
{
	static struct kind kinds[] = {
		{ "streaming", SYNCBN_CHANNELS_FIRST, SYNCBN_FLOAT32 },
		{ "ordinary", SYNCBN_CHANNELS_FIRST, SYNCBN_FLOAT32 },
		{ "streaming", SYNCBN_CHANNELS_FIRST, SYNCBN_FLOAT64 },
		{ "streaming", SYNCBN_BLOCKED_16, SYNCBN_FLOAT32 },
		{ "ordinary", SYNCBN_BLOCKED_16, SYNCBN_FLOAT32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_int_equal(run_ranks_failures(2, be_late, &kinds[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rank_sums_while_its_peer_is_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/sync/ring.c and barrier.h under relacy, in the copies that run.sh makes: there an _Atomic
 * word is relacy's atomic, and an order is relacy's order. Items are relacy's variables, so that a
 * race on one is seen; headers are plain memory to it.
 */
#include <cstdio>
#include <cstring>
#include <iostream>
#include <new>
#include <stddef.h>
#include <stdint.h>

#include <relacy/relacy_std.hpp>

#undef new
#define _Static_assert(condition, text)
#define _Alignas(bytes)
#define atomic_store_explicit(word, value, order) (word)->store(value, order)
#define atomic_load_explicit(word, order) (word)->load(order)

#include "sync/ring.c"
#include "sync/barrier.h"

typedef rl::var<unsigned> item;

/* What would be the segment. */
static unsigned char memory[1 << 20] __attribute__((aligned(4096)));

template <int N_SLOTS> struct ring_suite : rl::test_suite<ring_suite<N_SLOTS>, 2> {
	/* rows of three items change hands, those of two do not */
	enum { CALLS = 6, ITEMS = 3, LANES = 2, ITEM_BYTES = SBN_TRADE_BYTES / 3 + 1 };
	struct sbn_ring rings[2];
	unsigned char *parts[2];

	/* Makes, or ends, the objects that the words and items of all slots are to relacy. */
	void for_all_slots(const struct sbn_ring_shape *shape, void (*act)(unsigned char *at))
	{
		uint64_t part = sbn_ring_part_bytes(shape);

		for (int rank = 0; rank < 2; rank++) {
			parts[rank] = memory + rank * part;
			for (int slot = 0; slot < N_SLOTS; slot++)
				act(parts[rank] + slot * (part / N_SLOTS));
		}
	}

	static void make(unsigned char *at)
	{
		for (int lane = 0; lane < LANES; lane++, at += sizeof(struct sbn_ring_lane))
			::new (at) sbn_ring_lane;
		for (int i = 0; i < ITEMS; i++, at += sizeof(item))
			::new (at) item;
	}

	static void end(unsigned char *at)
	{
		for (int lane = 0; lane < LANES; lane++, at += sizeof(struct sbn_ring_lane))
			((struct sbn_ring_lane *)at)->~sbn_ring_lane();
		for (int i = 0; i < ITEMS; i++, at += sizeof(item))
			((item *)at)->~item();
	}

	void before()
	{
		struct sbn_ring_shape shape = { 2, N_SLOTS, LANES, ITEMS * sizeof(item), ITEM_BYTES,
						4096 };

		for_all_slots(&shape, make);
		for (int rank = 0; rank < 2; rank++)
			sbn_ring_open(&rings[rank], &shape, rank, parts, 0);
	}

	void after()
	{
		for_all_slots(&rings[0].shape, end);
	}

	void publish_row(struct sbn_ring *ring, const struct sbn_call *call, bool unseen)
	{
		item *row = (item *)sbn_ring_own_row(ring);

		for (unsigned lane = 0; lane < call->n_lanes; lane++) {
			unsigned last = sbn_lane_begin(call->n_items, call->n_lanes,
						       lane + 1);

			unsigned i = sbn_lane_begin(call->n_items, call->n_lanes, lane);

			for (; i < last; i++) {
				row[i]($) = ring->call;
				if (unseen)
					sbn_ring_publish_first(ring, call, i + 1);
				else
					sbn_ring_publish(ring, lane, i + 1);
				unseen = false;
			}
		}
	}

	void thread(unsigned rank)
	{
		struct sbn_ring *ring = &rings[rank];
		unsigned peer = 1 - rank;

		for (unsigned n = 1; n <= CALLS; n++) {
			struct sbn_call call = { 0 };

			call.n_items = ITEMS - (n == 2);
			call.n_lanes = 1 + (rank + n / 2) % LANES;
			if (call.n_lanes == 1)
				sbn_ring_begin_unseen(ring, &call);
			else
				sbn_ring_begin(ring, &call);
			publish_row(ring, &call, call.n_lanes == 1);
			for (unsigned i = 0; i < call.n_items; i++) {
				while (!sbn_ring_covered(ring, peer, i, i + 1))
					rl::yield(1, $);
				RL_ASSERT(((item *)sbn_ring_row(ring, peer))[i]($) == n);
				RL_ASSERT(((item *)sbn_ring_own_row(ring))[i]($) == n);
			}
		}
	}
};

struct barrier_suite : rl::test_suite<barrier_suite, 3> {
	struct sbn_barrier_line lines[3];
	struct sbn_barrier_line *line_of[3];
	item word[2][3];

	void before()
	{
		for (int rank = 0; rank < 3; rank++) {
			line_of[rank] = &lines[rank];
			lines[rank].arrivals.store(0, rl::memory_order_relaxed);
		}
	}

	void thread(unsigned rank)
	{
		struct sbn_barrier barrier = { line_of, rank, 0 };

		for (unsigned round = 1; round <= 3; round++) {
			word[round % 2][rank]($) = round;
			sbn_barrier_arrive(&barrier);
			for (unsigned peer = 0; peer < 3; peer++)
				while (!sbn_barrier_reached(&barrier, peer))
					rl::yield(1, $);
			for (unsigned peer = 0; peer < 3; peer++)
				RL_ASSERT(word[round % 2][peer]($) == round);
		}
	}
};

template <class suite>
static int
expect(const char *name, bool right)
{
	std::ostream nowhere(0);
	rl::test_params params;

	params.iteration_count = 20000;
	params.output_stream = right ? &std::cout : &nowhere;
	params.progress_stream = &nowhere;
	if (rl::simulate<suite>(params) == right) {
		std::printf("ok %s\n", name);
		return 0;
	}
	std::printf("FAIL %s\n", name);
	return 1;
}

int
main()
{
#ifdef RELAXED
	return expect<ring_suite<2> >("ring.c with relaxed releases is caught", false) +
	       expect<barrier_suite>("barrier.h with a relaxed release is caught", false);
#else
	return expect<ring_suite<2> >("ring.c is free of races", true) +
	       expect<ring_suite<1> >("ring.c with one slot is caught", false) +
	       expect<barrier_suite>("barrier.h is free of races", true);
#endif
}

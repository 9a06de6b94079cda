/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of ring, barrier and sleeping under weak memory: relacy runs them in many orders, lets
 * relaxed loads see old values, and knows races and threads that wait for ever. The C sources cannot
 * be compiled here (see run.sh); names and labels are theirs.
 *
 * Plants: 0 none; 1 a relaxed release; 2 no F1; 3 no F2; 4 a slot fewer.
 */
#include <cstdio>
#include <iostream>

#include <relacy/relacy_std.hpp>

enum plant { NONE, RELAXED, NO_F1, NO_F2, ONE_SLOT_FEWER };

/* An order is two words to relacy: the order, and where it stands in the source. */
#define STORE_RELEASE(word, value)                                    \
	do {                                                          \
		if (PLANT == RELAXED)                                 \
			(word).store(value, rl::memory_order_relaxed); \
		else                                                  \
			(word).store(value, rl::memory_order_release); \
	} while (0)
#define LOAD_ACQUIRE(word) (word).load(rl::memory_order_acquire)

/* Two ranks, two slots, calls that wait for their end; a row is one item. */
template <int PLANT> struct ring : rl::test_suite<ring<PLANT>, 2> {
	enum { SLOTS = PLANT == ONE_SLOT_FEWER ? 1 : 2, CALLS = 4 };
	rl::atomic<unsigned> watermark[2][SLOTS];
	rl::var<unsigned> header[2][SLOTS], row[2][SLOTS];

	void before()
	{
		for (int rank = 0; rank < 2; rank++)
			for (int slot = 0; slot < SLOTS; slot++)
				watermark[rank][slot].store(0, rl::memory_order_relaxed);
	}

	void thread(unsigned rank)
	{
		unsigned peer = 1 - rank;

		for (unsigned call = 1; call <= CALLS; call++) {
			unsigned slot = call % SLOTS;

			header[rank][slot]($) = call;
			STORE_RELEASE(watermark[rank][slot], 2 * call); /* R0 */
			row[rank][slot]($) = call;
			STORE_RELEASE(watermark[rank][slot], 2 * call + 1); /* R1 */
			while (LOAD_ACQUIRE(watermark[peer][slot]) < 2 * call) /* A0 */
				rl::yield(1, $);
			RL_ASSERT(header[peer][slot]($) == call);
			while (LOAD_ACQUIRE(watermark[peer][slot]) < 2 * call + 1) /* A1 */
				rl::yield(1, $);
			RL_ASSERT(row[peer][slot]($) == call);
		}
	}
};

/* Three ranks; two sets of words take turns. */
template <int PLANT> struct barrier : rl::test_suite<barrier<PLANT>, 3> {
	rl::atomic<unsigned> arrivals[3];
	rl::var<unsigned> word[2][3];

	void before()
	{
		for (int rank = 0; rank < 3; rank++)
			arrivals[rank].store(0, rl::memory_order_relaxed);
	}

	void thread(unsigned rank)
	{
		for (unsigned round = 1; round <= 3; round++) {
			word[round % 2][rank]($) = round;
			STORE_RELEASE(arrivals[rank], round); /* B1 */
			for (unsigned peer = 0; peer < 3; peer++)
				while (LOAD_ACQUIRE(arrivals[peer]) < round)
					rl::yield(1, $);
			for (unsigned peer = 0; peer < 3; peer++)
				RL_ASSERT(word[round % 2][peer]($) == round);
		}
	}
};

/* Rank 0 publishes, rank 1 sleeps until it has; the kernel's queue is a mutex and a condition. */
template <int PLANT> struct sleeping : rl::test_suite<sleeping<PLANT>, 2> {
	enum { CALLS = 2 };
	rl::atomic<unsigned> watermark, sleepers, rings;
	rl::var<unsigned> row[CALLS + 1];
	rl::mutex kernel;
	rl::condition_variable_any queue;

	void before()
	{
		watermark.store(0, rl::memory_order_relaxed);
		sleepers.store(0, rl::memory_order_relaxed);
		rings.store(0, rl::memory_order_relaxed);
	}

	void publish(unsigned call)
	{
		row[call]($) = call;
		STORE_RELEASE(watermark, call); /* R1 */
		if (PLANT != NO_F1)
			rl::atomic_thread_fence(rl::memory_order_seq_cst); /* F1 */
		if (sleepers.load(rl::memory_order_relaxed) == 0)
			return;
		rings.fetch_add(1, rl::memory_order_release);
		kernel.lock($);
		queue.notify_all($);
		kernel.unlock($);
	}

	void futex_wait(unsigned seen)
	{
		kernel.lock($);
		if (rings.load(rl::memory_order_seq_cst) == seen)
			queue.wait(kernel, $);
		kernel.unlock($);
	}

	void wait_for(unsigned call)
	{
		/* an exchange, as take_bell()'s compare and swap */
		sleepers.exchange(1, rl::memory_order_relaxed);
		if (PLANT != NO_F2)
			rl::atomic_thread_fence(rl::memory_order_seq_cst); /* F2 */
		for (;;) {
			unsigned seen = LOAD_ACQUIRE(rings);

			if (LOAD_ACQUIRE(watermark) >= call) /* A1 */
				break;
			futex_wait(seen);
		}
		RL_ASSERT(row[call]($) == call);
		sleepers.exchange(0, rl::memory_order_relaxed);
	}

	void thread(unsigned rank)
	{
		for (unsigned call = 1; call <= CALLS; call++) {
			if (rank == 0)
				publish(call);
			else
				wait_for(call);
		}
	}
};

static int failed;

template <class suite>
static void
expect(const char *name, bool right)
{
	std::ostream nowhere(0);
	rl::test_params params;

	params.iteration_count = 20000;
	params.output_stream = right ? &std::cout : &nowhere;
	params.progress_stream = &nowhere;
	if (rl::simulate<suite>(params) == right) {
		std::printf("ok %s\n", name);
		return;
	}
	std::printf("FAIL %s\n", name);
	failed = 1;
}

int
main()
{
	expect<ring<NONE> >("the ring is free of races", true);
	expect<ring<RELAXED> >("the ring with relaxed releases is caught", false);
	expect<ring<ONE_SLOT_FEWER> >("the ring with one slot is caught", false);
	expect<barrier<NONE> >("the barrier is free of races", true);
	expect<barrier<RELAXED> >("the barrier with relaxed releases is caught", false);
	expect<sleeping<NONE> >("no wake-up is lost", true);
	expect<sleeping<RELAXED> >("sleeping with a relaxed release is caught", false);
	expect<sleeping<NO_F1> >("publishing without F1 is caught", false);
	expect<sleeping<NO_F2> >("sleeping without F2 is caught", false);
	return failed;
}

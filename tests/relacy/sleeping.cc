/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of sleeping and waking under weak memory. src/comm/wait.c itself calls the system, so
 * they are written again here; names and labels are the sources'.
 */
#include <cstdio>
#include <iostream>

#include <relacy/relacy_std.hpp>

enum plant { NONE, RELAXED, NO_F1, NO_F2 };

/* An order is two words to relacy: the order, and where it stands in the source. */
#define STORE_RELEASE(word, value)                                    \
	do {                                                          \
		if (PLANT == RELAXED)                                 \
			(word).store(value, rl::memory_order_relaxed); \
		else                                                  \
			(word).store(value, rl::memory_order_release); \
	} while (0)
#define LOAD_ACQUIRE(word) (word).load(rl::memory_order_acquire)

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
	expect<sleeping<NONE> >("no wake-up is lost", true);
	expect<sleeping<RELAXED> >("sleeping with a relaxed release is caught", false);
	expect<sleeping<NO_F1> >("publishing without F1 is caught", false);
	expect<sleeping<NO_F2> >("sleeping without F2 is caught", false);
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping and waking (src/comm/wait.c, src/comm/transport_shm.c, src/shm/control.c): each rank
 * publishes a call, rings whoever sleeps, and waits for everybody's, sleeping at once.
 *
 * Asserted: everybody finishes. There is no 100 ms limit here, so a lost wake-up is for ever.
 *
 * With LIGHT publishers make no fence, and the sleeper makes one for everybody instead (F3), as
 * membarrier(2) does: a thread after the other, whenever it comes to it.
 *
 * Faults, each to be found: NO_F1, no fence between the publisher's store and its look at
 * `sleepers`; NO_F2, none between the sleeper's mark and its look; LOOK_FIRST, the sleeper reads
 * the doorbell's count after it has looked.
 */
#ifndef RANKS
#define RANKS 2
#endif
#ifndef CALLS
#define CALLS 3
#endif
#define THREADS RANKS

#ifdef LIGHT
#define NO_F1
#if THREADS == 3
#define THIRD_FENCE empty(buffer[2])
#else
#define THIRD_FENCE true
#endif
#define F3 empty(buffer[0]); empty(buffer[1]); THIRD_FENCE
#else
#define F3 true
#endif

#include "doorbell.pml"

#define READY (word[MARK(t)] >= call) /* sbn_ring_covered() */

inline nap()
{
#ifdef LOOK_FIRST
	if
	:: READY -> seen = 0; break
	:: !READY -> seen = rings[me]; futex_wait()
	fi
#else
	seen = rings[me];
	if
	:: READY -> seen = 0; break
	:: !READY -> futex_wait()
	fi
#endif
}

inline wait_for_peer() /* sbn_wait(), sleep_until_ready() */
{
	if
	:: READY
	:: !READY ->
		STORE(SLEEPS(me), 1);
#ifndef NO_F2
		FENCE; /* F2 */
		F3;
#endif
		do
		:: nap()
		od;
		STORE(SLEEPS(me), 0)
	fi
}

proctype rank(byte me)
{
	byte call = 1, t, seen;

	do
	:: call <= CALLS ->
		STORE(MARK(me), call); /* R1 */
		ring_peers();
		t = FIRST_PEER;
		do
		:: t < RANKS -> wait_for_peer(); t = NEXT_PEER
		:: t >= RANKS -> break
		od;
		call++
	:: else -> break
	od
}

init {
	byte k = 0;

	atomic {
		do
		:: k < RANKS -> run rank(k); k++
		:: else -> break
		od
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failing (src/comm/wait.c, src/comm/diagnose.c, src/shm/control.c, the launcher's failure.c):
 * the ranks of sleep.pml, of whom one may be killed before any of its steps, also while it rings,
 * and one may pass its deadline in any wait. The launcher fails the run when a rank has died.
 *
 * Asserted: every rank that lives gets out, with all calls made or with the abort word set. Nobody
 * has a 100 ms limit here.
 *
 * Faults, each to be found: NO_DOORBELLS, the abort rings nobody; WAKES_ONLY, it wakes the
 * sleepers without counting; FIRST_RINGS, only who set the abort word rings.
 */
#ifndef RANKS
#define RANKS 2
#endif
#ifndef CALLS
#define CALLS 2
#endif
#ifndef NO_DEADLINE
#define NO_DEADLINE false
#endif
#define THREADS (RANKS + 1)
#define LAUNCHER RANKS

#include "doorbell.pml"

bool dead[RANKS];
bool late = NO_DEADLINE; /* somebody has passed his deadline */

inline fail_run() /* sbn_control_abort() */
{
	if
	:: word[ABORT] == 0 -> STORE(ABORT, 1); FENCE
#ifdef FIRST_RINGS
	:: word[ABORT] == 1 -> goto out
#else
	:: word[ABORT] == 1
#endif
	fi;
	t = 0;
	do
#ifdef NO_DOORBELLS
	:: t < RANKS -> t++
#elif defined(WAKES_ONLY)
	:: t < RANKS -> asleep[t] = false; t++
#else
	:: t < RANKS -> ring_one(t); t++
#endif
	:: t == RANKS -> break
	od
}

#define READY (word[MARK(t)] >= call)

inline nap()
{
	seen = rings[me];
	if
	:: READY -> seen = 0; break
	:: !READY ->
		if /* trouble() */
		:: word[ABORT] == 1 -> goto out
		:: word[ABORT] == 0 -> futex_wait()
		:: atomic { !late -> late = true }; /* sbn_diagnose_timeout() */
			fail_run();
			goto out
		fi
	fi
}

inline wait_for_peer()
{
	if
	:: READY
	:: !READY ->
		STORE(SLEEPS(me), 1);
		FENCE; /* F2 */
		do
		:: nap()
		od;
		STORE(SLEEPS(me), 0)
	fi
}

inline make_calls()
{
	do
	:: call <= CALLS && word[ABORT] == 1 -> break /* sbn_group_check() */
	:: call <= CALLS && word[ABORT] == 0 ->
		STORE(MARK(me), call); /* R1 */
		ring_peers();
		t = FIRST_PEER;
		do
		:: t < RANKS -> wait_for_peer(); t = NEXT_PEER
		:: t >= RANKS -> break
		od;
		call++
	:: call > CALLS -> break
	od
}

proctype rank(byte me)
{
	byte call = 1, t, seen;

	{
		make_calls();
out:		assert(call > CALLS || word[ABORT] == 1)
	} unless { dead[me] }
}

active proctype death()
{
	if
	:: dead[0] = true
	:: dead[RANKS - 1] = true
	:: true
	fi
}

proctype launcher(byte me)
{
	byte t;

end:	dead[0] || dead[RANKS - 1];
	fail_run();
out:	skip
}

init {
	byte k = 0;

	atomic {
		run launcher(LAUNCHER);
		do
		:: k < RANKS -> run rank(k); k++
		:: else -> break
		od
	}
}

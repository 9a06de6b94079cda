/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included by the models of sleeping: memory with store buffers, and the doorbells over it.
 *
 * A store waits in its thread's buffer until memory() lets it out, in order; loads look into
 * memory. That is x86's order. A fence waits for the own buffer to be empty, and so does an atomic
 * addition. Setting a bit of `sleepers` goes through the buffer too: x86 would not do that, ARM
 * may. With -DNO_BUFFERS stores are seen at once, where buffers would make too many states.
 */
#define MARK(t) (t)             /* the watermark of rank t */
#define SLEEPS(t) (RANKS + (t)) /* its bit in `sleepers` */
#define ABORT (2 * RANKS)

byte word[2 * RANKS + 1];
byte rings[RANKS];  /* the doorbells */
bool asleep[RANKS]; /* in the kernel's queue for its doorbell */

#ifdef NO_BUFFERS
#define STORE(w, x) word[w] = x
#define FENCE true
#else
#define STORE(w, x) buffer[me]!w, x
#define FENCE empty(buffer[me])

chan buffer[THREADS] = [2] of { byte, byte };

#define DRAIN(t) atomic { buffer[t]?w, x -> word[w] = x; w = 0; x = 0 }

active proctype memory()
{
	byte w, x;

end:	do
	:: DRAIN(0)
	:: DRAIN(1)
#if THREADS == 3
	:: DRAIN(2)
#endif
	od
}
#endif

/* The ranks but this one, in order. */
#define FIRST_PEER (me == 0 -> 1 : 0)
#define NEXT_PEER (t + 1 == me -> t + 2 : t + 1)

inline ring_one(t) /* ring_one() of src/shm/control.c: count, then wake */
{
	atomic { FENCE; rings[t]++ };
	asleep[t] = false
}

inline ring_peers() /* sbn_group_ring() of src/comm/group.c */
{
#ifndef NO_F1
	FENCE; /* F1 */
#endif
	t = FIRST_PEER;
	do
	:: t < RANKS && word[SLEEPS(t)] == 1 -> ring_one(t); t = NEXT_PEER
	:: t < RANKS && word[SLEEPS(t)] == 0 -> t = NEXT_PEER
	:: t >= RANKS -> break
	od
}

inline futex_wait() /* the kernel looks at the doorbell and queues in one step */
{
	if
	:: atomic { rings[me] == seen -> asleep[me] = true; seen = 0 };
		!asleep[me]
	:: atomic { rings[me] != seen -> seen = 0 }
	fi
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving and coming together again (src/sync/leave.h, src/comm/leave.c): in each epoch every rank
 * makes as many calls as it likes, leaves, and returns when all have left.
 *
 * Asserted: all who take part in a call agree on who does; they read the call's rows, from two
 * slots; all agree on who made the most calls of an epoch; and everybody finishes.
 *
 * Faults, each to be found: NO_EPOCH, a mark says no more than the call; ONE_MEETING, nobody waits
 * until all have read the epoch's marks; NOT_LEFT, a rank stops without a mark.
 */
#ifndef RANKS
#define RANKS 3
#endif
#ifndef CALLS
#define CALLS 2 /* of an epoch, at most */
#endif
#define EPOCHS 2
#define SLOTS 2

#define SLOT(r, e) ((r) * SLOTS + (e) % SLOTS)

byte row[RANKS * SLOTS], mark[RANKS * SLOTS];
byte left[RANKS], left_epoch[RANKS]; /* one word: written and read in one step */
byte met[RANKS];                     /* the meeting's barrier */
byte last_rank[EPOCHS + 1];          /* 1 + the rank that made the most calls of an epoch */
byte roll[CALLS * EPOCHS * RANKS + 1]; /* who takes part in a call, a bit each; 0: not known */

#ifdef NO_EPOCH
#define ABSENT(p, e) (left_epoch[p] != 0 && left[p] <= e)
#else
#define ABSENT(p, e) (left_epoch[p] == epoch && left[p] <= e) /* sbn_leave_absent(), L1 */
#endif

inline make_call(e)
{
	row[SLOT(r, e)] = e;
	mark[SLOT(r, e)] = e; /* R1 */
	do
	:: p < RANKS -> mark[SLOT(p, e)] >= e || ABSENT(p, e); p++ /* is_covered() */
	:: p == RANKS -> p = 0; break
	od;
	atomic { /* sbn_call_roll(), sbn_call_row() */
		do
		:: p < RANKS && !ABSENT(p, e) ->
			assert(row[SLOT(p, e)] == e);
			present = present + (1 << p);
			p++
		:: p < RANKS && ABSENT(p, e) -> p++
		:: p == RANKS -> p = 0; break
		od;
		assert(roll[e] == 0 || roll[e] == present);
		roll[e] = present;
		present = 0
	}
}

inline meet()
{
	met[r]++;
	do
	:: p < RANKS -> met[p] >= met[r]; p++
	:: p == RANKS -> p = 0; break
	od
}

inline catch_up() /* find_last(), catch_up(): the marks are read one by one */
{
	do
	:: p < RANKS ->
		atomic {
			newest = (left[p] >= furthest -> p : newest);
			furthest = (left[p] >= furthest -> left[p] : furthest);
			p++
		}
	:: p == RANKS -> break
	od;
	atomic {
		assert(last_rank[epoch] == 0 || last_rank[epoch] == newest + 1);
		last_rank[epoch] = newest + 1;
		last = furthest - 1;
		p = 0;
		newest = 0;
		furthest = 0
	}
}

proctype rank(byte r)
{
	byte epoch = 1, last, n, p, present, furthest, newest;

	do
	:: epoch <= EPOCHS ->
		do
		:: n < CALLS -> make_call(last + 1); atomic { last++; n++ }
		:: atomic { n = 0; break }
		od;
#ifndef NOT_LEFT
		atomic { left[r] = last + 1; left_epoch[r] = epoch }; /* sbn_leave_mark(), L1 */
#endif
		meet();
		catch_up();
#ifndef ONE_MEETING
		meet();
#endif
		epoch++
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

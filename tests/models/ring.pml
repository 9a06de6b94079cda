/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring with lanes (src/sync/ring.c, and the loop of src/nn/pipeline.c that drives it): RANKS
 * ranks of two threads each make CALLS calls, with L calls published beyond the last one consumed.
 *
 * Asserted: whoever reads an item of call e, in any row, finds call e's, so no slot is rewritten
 * while it is read; and everybody finishes (Spin reports a state in which all wait).
 *
 * An item's value is the number of its call. A chunk is written in one step and read in another:
 * if the two could overlap at all, they could also happen in the wrong order, which is seen. Waits
 * are guards: `ready` of a waiting loop, asked for ever. Memory is sequentially consistent here;
 * the orders are checked by the race detector and by relacy (doc/memory-model.md).
 *
 * Faults, each to be found: ONE_SLOT_FEWER, NO_JOIN, EMPTY_RUNS_ON, OUT_OF_ORDER, PUBLISH_FIRST.
 */
#ifndef RANKS
#define RANKS 2
#endif
#ifndef LANES
#define LANES 2
#endif
#ifndef L
#define L 0
#endif
#ifndef ITEMS
#define ITEMS 3
#endif
#ifndef AHEAD
#define AHEAD 1
#endif
#ifndef SERIAL
#define SERIAL 0
#endif
#ifdef ONE_SLOT_FEWER
#define SLOTS (2 * (L + 1) - 1)
#else
#define SLOTS (2 * (L + 1))
#endif
#define CALLS (2 * (L + 1) + 2)
#define EMPTY 1 /* this rank's batch is empty: it has nothing to sum, publishes all at once */

/*
 * Of two ranks rows change hands each time the slot is used again: 0 never, 1 always, 2 two calls
 * in three, as it is the longer calls' that do. Headers and marks stay.
 */
#ifndef TRADES
#define TRADES 2
#endif
#if RANKS == 2 && TRADES == 1
#define TURN(e) ((e) / SLOTS % 2)
#elif RANKS == 2 && TRADES == 2
#define TURN(e) ((e) % 3 != 0 -> (e) / SLOTS % 2 : 0)
#else
#define TURN(e) 0
#endif

#define SLOT(r, e) ((r) * SLOTS + (e) % SLOTS)
#define ITEM(r, e, i) (SLOT((r) ^ TURN(e), e) * ITEMS + (i))
#define MARK(r, e, l) (SLOT(r, e) * LANES + (l))
#define WORD(e, n) ((e) * 4 + (n)) /* mark() */
#define MIN(a, b) ((a) < (b) -> (a) : (b))

/* How a rank splits a call: another way than its peers, and than the slot's last call. */
#define N_LANES(r, e) (1 + ((r) + (e) + (e) / SLOTS) % LANES)
#define EDGE(n, l) MIN(ITEMS * (l) / (n), ITEMS) /* sbn_lane_begin() */
#define STEP(r) ((r) == EMPTY -> ITEMS : 1 + (r) % 3) /* items of a chunk */

/* Shared memory: a part's headers and marks are written by its own rank only. */
byte row[RANKS * SLOTS * ITEMS];
byte header[RANKS * SLOTS]; /* n_lanes of the call */
byte mark[RANKS * SLOTS * LANES];

/* The team of each rank: the call that its lanes may work on, and the last that each has ended. */
byte started[RANKS];
byte ended[RANKS * LANES];

/* Whether items [begin, end) are covered, of which lane l of n holds some: lane_covered(), A1 */
#define LANE_COVERED(p, e, l, n) (EDGE(n, l) >= end || EDGE(n, (l) + 1) <= begin || \
	mark[MARK(p, e, l)] >= WORD(e, MIN(end, EDGE(n, (l) + 1))))
#define COVERED(p, e, n) (LANE_COVERED(p, e, 0, n) && (n == 1 || LANE_COVERED(p, e, 1, n)))

inline await_peers(e) /* sbn_call_await(): the header (A0), then the lanes that it says (A1) */
{
	do
	:: peer < RANKS && peer != r ->
		mark[MARK(peer, e, 0)] >= WORD(e, 0);
		atomic {
			COVERED(peer, e, header[SLOT(peer, e)]);
			assert(header[SLOT(peer, e)] == N_LANES(peer, e));
			peer++
		}
	:: peer == r -> peer++
	:: peer == RANKS -> peer = 0; break
	od
}

inline read_rows(e) /* merge_chunk(); some calls read the rank's own row, too */
{
	d_step {
		i = 0;
		do
		:: i < RANKS * ITEMS ->
			if
			:: i % ITEMS >= begin && i % ITEMS < end ->
				assert(row[ITEM(i / ITEMS, e, i % ITEMS)] == e)
			:: else
			fi;
			i++
		:: else -> i = 0; break
		od
	}
}

inline write_items() /* pass->sum() */
{
	d_step {
		next = MIN(sent + STEP(r), last);
		i = sent;
		do
		:: i < next -> row[ITEM(r, e, i)] = e; i++
		:: else -> i = 0; break
		od
	}
}

inline publish() /* sbn_ring_publish(), R1 */
{
	mark[MARK(r, e, lane)] = WORD(e, MIN(sent + STEP(r), last))
}

inline publish_chunk() /* sum_chunk() */
{
#ifdef PUBLISH_FIRST
	publish();
	write_items();
	d_step { sent = next; next = 0 }
#else
	write_items();
	atomic { publish(); sent = next; next = 0 }
#endif
}

/* With L = 0 at most AHEAD chunks are published before one is finished, else the whole call. */
#define MAY_SEND (sent < last && (L > 0 || sent < begin + AHEAD * STEP(r)))

inline choose_items(e, c)
{
	sent = (e <= CALLS -> EDGE(N_LANES(r, e), lane) : ITEMS);
	last = (e <= CALLS -> EDGE(N_LANES(r, e), lane + 1) : ITEMS);
	begin = ((c) >= 1 -> EDGE(N_LANES(r, c), lane) : ITEMS);
	until = ((c) >= 1 -> EDGE(N_LANES(r, c), lane + 1) : ITEMS)
}

inline run_lane(c) /* src/nn/pipeline.c */
{
	do
	:: MAY_SEND -> publish_chunk()
	:: !MAY_SEND && begin < until ->
#ifdef EMPTY_RUNS_ON
		if
		:: r == EMPTY -> break
		:: else
		fi;
#endif
		end = MIN(begin + STEP(r), until);
		await_peers(c);
		read_rows(c);
		begin = end
	:: else -> break
	od
}

/* The executor of a rank in the set SERIAL runs its lanes one by one, in ascending order. */
#ifdef OUT_OF_ORDER
#define LAST_LANE 0
#else
#define LAST_LANE 1
#endif
#define MY_TURN (((SERIAL) >> r) % 2 == 0 || lane != LAST_LANE || ended[r * LANES + 1 - lane] >= e)

inline begin_call() /* sbn_ring_begin(), then the team's start */
{
	header[SLOT(r, e)] = N_LANES(r, e);
	mark[MARK(r, e, 0)] = WORD(e, 0); /* R0 */
	started[r] = e
}

inline join() /* sbn_team_run() returns */
{
#ifndef NO_JOIN
	lane != 0 || ended[r * LANES + LANES - 1] >= e;
#endif
	e++
}

proctype thread(byte r; byte lane)
{
	byte e = 1, sent, next, last, begin, until, end, peer, i;

	do
	:: e <= CALLS + L ->
		if
		:: lane == 0 && e <= CALLS -> begin_call()
		:: lane == 0 && e > CALLS -> started[r] = e
		:: lane != 0 -> started[r] >= e
		fi;
		atomic { MY_TURN; choose_items(e, e - L) };
		run_lane(e - L);
		atomic { ended[r * LANES + lane] = e; sent = 0; last = 0; begin = 0; until = 0; end = 0 };
		join()
	:: else -> break
	od
}

init {
	byte k = 0;

	atomic {
		do
		:: k < RANKS * LANES -> run thread(k / LANES, k % LANES); k++
		:: else -> break
		od
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/tuning.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"
#include "comm/agree.h"
#include "comm/collective.h"
#include "comm/process.h"
#include "comm/slice.h"

enum {
	N_SIZES = 7,
	N_SMALL = 3, /* of them, which fit a first-level cache several times */
	MAX_WAYS = 3,
	ROUNDS = 7, /* the first is not counted */
	COUNTED = 2, /* of the others, from the shortest: what else runs here makes rounds longer */
	WARM_UP = 2,
	CALLS = 8, /* a round, and more small ones: one way after the other would disturb itself */
	/* where ranks take turns on a CPU, and calls are a hundred times as long */
	TURNS_FIRST = 2, /* of the sizes */
	TURNS_ROUNDS = 5,
	TURNS_CALLS = 16,
	LARGEST = 65536,
	/* without a measurement: 16 KB with 4 ranks, 5 KB with 8 */
	SCATTER_WORK = 32768
};

_Static_assert((int)TURNS_ROUNDS <= (int)ROUNDS && (int)COUNTED < (int)TURNS_ROUNDS &&
		       (int)TURNS_FIRST < (int)N_SIZES,
	       "there are that many rounds and sizes, and one that counts");

/*
 * By how many percent another way must be faster. Where the host of a virtual machine moves its
 * CPUs, those that are far from each other now may be near later. Then rows that go past the caches
 * cost twice the time at 4 KB, half as much again at 8 KB, a fifth more at 16 KB: that is worth it
 * where far CPUs gain as much, which is when the time is halved. Fetching rows gains a tenth.
 */
enum { TAKE_MARGIN = 8, STREAM_MARGIN = 50, SCATTER_MARGIN = 4 };

#define UNSET UINT32_MAX

static const uint32_t sizes[N_SIZES] = { 1024, 2048, 4096, 8192, 16384, 32768, LARGEST };

/* ---- from times to a choice ---- */

static bool
is_faster(uint64_t other, uint64_t usual, uint32_t margin)
{
	return other * 100 < usual * (100 - margin);
}

uint32_t
sbn_tuning_crossing(const uint64_t *usual, const uint64_t *other, const uint32_t *bytes, int n,
		    uint32_t margin)
{
	uint32_t from = SBN_NEVER;

	while (n-- > 0 && is_faster(other[n], usual[n], margin))
		from = bytes[n];
	return from;
}

/*
 * Without a reduce-scatter each of n ranks reads n rows, with it two rows and a copy, and all meet
 * once more: what is saved grows with n - 2, what it costs stays.
 */
struct sbn_tuning
sbn_tuning_within(struct sbn_tuning world, uint32_t world_size, uint32_t size)
{
	struct sbn_tuning tuning = world;

	if (size == world_size || world.scatter_from == SBN_NEVER || world.scatter_from == 0)
		return tuning;
	tuning.scatter_from = SBN_NEVER;
	if (size > 2 && world_size > 2)
		tuning.scatter_from = (uint32_t)SBN_MIN((uint64_t)world.scatter_from *
								(world_size - 2) / (size - 2),
							(uint64_t)SBN_NEVER);
	return tuning;
}

static struct sbn_tuning
usual_tuning(uint32_t size)
{
	return (struct sbn_tuning){
		.take_from = SBN_NEVER,
		.stream_from = SBN_NEVER,
		.scatter_from = size > 2 ? SCATTER_WORK / (size - 2) : SBN_NEVER,
	};
}

/* ---- measuring ---- */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Ways of doing the same, and how long each took. */
struct trial {
	struct sbn_tuning way[MAX_WAYS];
	int n_ways;
	int first_size, n_rounds;
	uint64_t round[MAX_WAYS][N_SIZES][ROUNDS];
	uint64_t usual[MAX_WAYS][N_SIZES]; /* of the rounds */
	float *data; /* [LARGEST] bytes */
};

static syncbn_status_t
time_calls(struct syncbn_group *world, float *data, uint32_t bytes, uint64_t *ticks)
{
	const int calls = (world->may_spin ? CALLS : TURNS_CALLS) + LARGEST / (int)bytes;
	syncbn_status_t status = SYNCBN_OK;
	uint64_t start = sbn_ticks();

	for (int i = -WARM_UP; i < calls && status == SYNCBN_OK; i++) {
		if (i == 0)
			start = sbn_ticks();
		status = sbn_all_reduce_pieces(world, data, bytes / sizeof(*data), SYNCBN_FLOAT32,
					       SYNCBN_SUM);
	}
	*ticks = sbn_ticks() - start;
	return status;
}

static syncbn_status_t
time_round(struct syncbn_group *world, struct trial *trial, int round)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int size = trial->first_size; size < N_SIZES; size++)
		for (int way = 0; way < trial->n_ways && status == SYNCBN_OK; way++) {
			world->tuning = trial->way[way];
			status = time_calls(world, trial->data, sizes[size],
					    &trial->round[way][size][round]);
		}
	return status;
}

static syncbn_status_t
measure(struct syncbn_group *world, struct trial *trial)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int round = 0; round < trial->n_rounds && status == SYNCBN_OK; round++)
		status = time_round(world, trial, round);
	for (int way = 0; way < trial->n_ways; way++)
		for (int size = trial->first_size; size < N_SIZES; size++) {
			uint64_t *rounds = trial->round[way][size];

			qsort(rounds + 1, (size_t)trial->n_rounds - 1, sizeof(*rounds), compare);
			trial->usual[way][size] = rounds[COUNTED];
		}
	return status;
}

/* Rows are written as they are, or fetched for writing before, or past the caches. */
static syncbn_status_t
measure_copies(struct syncbn_group *world, struct trial *trial, struct sbn_tuning *best)
{
	enum { PLAIN, TAKE, STREAM };
	uint64_t(*usual)[N_SIZES] = trial->usual, small[2] = { 0 };
	syncbn_status_t status;

	for (int way = PLAIN; way <= STREAM; way++)
		trial->way[way] = (struct sbn_tuning){
			.take_from = way == TAKE ? 0 : SBN_NEVER,
			.stream_from = way == STREAM ? 0 : SBN_NEVER,
			.scatter_from = SBN_NEVER,
		};
	trial->n_ways = 3;
	status = measure(world, trial);
	for (int size = 0; size < N_SMALL; size++) {
		small[PLAIN] += usual[PLAIN][size];
		small[TAKE] += usual[TAKE][size];
	}
	best->take_from = is_faster(small[TAKE], small[PLAIN], TAKE_MARGIN) ?
				  0 :
				  sbn_tuning_crossing(usual[PLAIN], usual[TAKE], sizes, N_SIZES,
						      TAKE_MARGIN);
	for (int size = 0; size < N_SIZES; size++)
		usual[PLAIN][size] = SBN_MIN(usual[PLAIN][size], usual[TAKE][size]);
	best->stream_from =
		sbn_tuning_crossing(usual[PLAIN], usual[STREAM], sizes, N_SIZES, STREAM_MARGIN);
	return status;
}

/* Rows copied in the best way are gathered, or scattered and gathered. */
static syncbn_status_t
measure_scatter(struct syncbn_group *world, struct trial *trial, struct sbn_tuning *best)
{
	enum { GATHER, SCATTER };
	syncbn_status_t status;

	best->scatter_from = SBN_NEVER;
	if (world->size == 2)
		return SYNCBN_OK;
	trial->way[GATHER] = trial->way[SCATTER] = *best;
	trial->way[SCATTER].scatter_from = 0;
	trial->n_ways = 2;
	status = measure(world, trial);
	best->scatter_from = sbn_tuning_crossing(
		trial->usual[GATHER] + trial->first_size, trial->usual[SCATTER] + trial->first_size,
		sizes + trial->first_size, N_SIZES - trial->first_size, SCATTER_MARGIN);
	return status;
}

/* ---- agreeing ---- */

enum { FIELD_BITS = 21 };

/* The room of a call is far below what fits a field: more is never. */
static uint64_t
pack_one(uint32_t from)
{
	const uint32_t unset = (1u << FIELD_BITS) - 1;

	return from == UNSET ? unset : SBN_MIN(from, unset - 1);
}

static uint32_t
unpack_one(uint64_t word)
{
	const uint32_t unset = (1u << FIELD_BITS) - 1;
	uint32_t from = (uint32_t)word & unset;

	return from == unset ? UNSET : from == unset - 1 ? SBN_NEVER : from;
}

static uint64_t
pack(struct sbn_tuning tuning)
{
	return pack_one(tuning.take_from) << 2 * FIELD_BITS |
	       pack_one(tuning.stream_from) << FIELD_BITS | pack_one(tuning.scatter_from);
}

static struct sbn_tuning
unpack(uint64_t word)
{
	return (struct sbn_tuning){
		.take_from = unpack_one(word >> 2 * FIELD_BITS),
		.stream_from = unpack_one(word >> FIELD_BITS),
		.scatter_from = unpack_one(word),
	};
}

/* Where rank 0's environment says something, it counts. */
static void
override(struct sbn_tuning *tuning, struct sbn_tuning fixed)
{
	if (fixed.take_from != UNSET)
		tuning->take_from = fixed.take_from;
	if (fixed.stream_from != UNSET)
		tuning->stream_from = fixed.stream_from;
	if (fixed.scatter_from != UNSET)
		tuning->scatter_from = fixed.scatter_from;
}

static syncbn_status_t
read_size(const char *name, uint32_t *from)
{
	int64_t bytes = -1;
	syncbn_status_t status = sbn_env_int(name, 0, SBN_NEVER, &bytes);

	if (status == SYNCBN_OK && bytes >= 0)
		*from = (uint32_t)bytes;
	return status;
}

static syncbn_status_t
read_environment(struct sbn_tuning *fixed)
{
	syncbn_status_t status = read_size("SYNCBN_TAKE_FROM", &fixed->take_from);

	if (status == SYNCBN_OK)
		status = read_size("SYNCBN_STREAM_FROM", &fixed->stream_from);
	if (status == SYNCBN_OK)
		status = read_size("SYNCBN_SCATTER_FROM", &fixed->scatter_from);
	return status;
}

syncbn_status_t
sbn_tuning_check(void)
{
	struct sbn_tuning unused;

	return read_environment(&unused);
}

/* A value of the environment is as good as a measurement; of the other values the rest decides. */
static bool
is_open(struct sbn_tuning fixed)
{
	return fixed.take_from == UNSET || fixed.stream_from == UNSET ||
	       fixed.scatter_from == UNSET;
}

/* Rank 0's measurement counts, and where its environment says more than that, its environment. */
static syncbn_status_t
agree_on(struct syncbn_group *world, syncbn_status_t status, struct sbn_tuning fixed,
	 struct sbn_tuning *tuning)
{
	struct sbn_agreement choice = { 0 };

	override(tuning, fixed);
	choice.value = pack(*tuning);
	status = sbn_agree(world, SBN_OP_JOIN, status, &choice, NULL);
	*tuning = unpack(choice.root_value);
	return status;
}

/*
 * How rows are copied first; with that, what they are copied for. Of ranks that take turns on a CPU
 * calls take as long as the changes of process: no copy is faster by what could be measured.
 */
static syncbn_status_t
measure_together(struct syncbn_group *world, struct sbn_tuning fixed, struct trial *trial,
		 struct sbn_tuning *tuning)
{
	syncbn_status_t status = SYNCBN_OK;

	if (world->may_spin)
		status = measure_copies(world, trial, tuning);
	status = agree_on(world, status, fixed, tuning);
	if (status == SYNCBN_OK) {
		status = measure_scatter(world, trial, tuning);
		status = agree_on(world, status, fixed, tuning);
	}
	return status;
}

/* The counters are of the program's calls: what is added here is taken back. */
static syncbn_status_t
calibrate(struct syncbn_group *world, struct sbn_tuning fixed, struct sbn_tuning *tuning)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	float *data = calloc(1, LARGEST); /* zeros, which no sum makes larger */
	struct sbn_trace before = *world->trace;
	struct sbn_agreement ready = { 0 };
	syncbn_status_t status = SYNCBN_OK;

	if (trial == NULL || data == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%d bytes to calibrate with", LARGEST);
	status = sbn_agree(world, SBN_OP_JOIN, status, &ready, NULL);
	if (status == SYNCBN_OK) {
		trial->data = data;
		trial->first_size = world->may_spin ? 0 : TURNS_FIRST;
		trial->n_rounds = world->may_spin ? ROUNDS : TURNS_ROUNDS;
		status = measure_together(world, fixed, trial, tuning);
	}
	free(data);
	free(trial);
	*world->trace = before;
	world->waited_ticks = 0;
	/* nobody is in a call of the stream any more, and nobody in the next one yet */
	sbn_slice_reopen(world, SBN_STREAM_DATA);
	return status;
}

syncbn_status_t
sbn_tuning_choose(struct syncbn_group *world)
{
	struct sbn_tuning fixed = { UNSET, UNSET, UNSET };
	struct sbn_tuning tuning = usual_tuning(world->size);
	struct sbn_agreement first = { 0 };
	syncbn_status_t status = read_environment(&fixed);

	first.number = world->process->calibrates && is_open(fixed);
	first.value = pack(fixed);
	status = sbn_agree(world, SBN_OP_JOIN, status, &first, NULL);
	if (status != SYNCBN_OK)
		return status;
	fixed = unpack(first.root_value);
	if (first.number != 0)
		status = calibrate(world, fixed, &tuning);
	else
		override(&tuning, fixed);
	world->tuning = tuning;
	/* relaxed: for the eyes of tools */
	atomic_store_explicit(&world->control.head->tuning, pack(tuning), memory_order_relaxed);
	return status;
}

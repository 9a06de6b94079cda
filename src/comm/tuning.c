/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/tuning.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"
#include "comm/agree.h"
#include "comm/collective.h"
#include "comm/slice.h"

enum {
	N_SIZES = 3,
	ROUNDS = 7, /* the first is not counted; the median of the others decides */
	CALLS = 8,  /* a round: one way after the other would disturb itself */
	MARGIN_PERCENT = 2,
	LARGEST = 65536,
	/* without a measurement: 16 KB with 4 ranks, 5 KB with 8 */
	SCATTER_WORK = 32768
};

#define UNSET UINT32_MAX

static const uint32_t sizes[N_SIZES] = { 4096, 16384, LARGEST };

enum way { GATHER, STREAM, SCATTER, WAYS };

/* ---- from sizes to a choice ---- */

/* Sizes grow by factors. */
static uint32_t
middle(uint32_t low, uint32_t high)
{
	return (uint32_t)sqrt((double)low * high);
}

uint32_t
sbn_tuning_crossing(const uint64_t *usual, const uint64_t *other, const uint32_t *bytes, int n)
{
	uint32_t from = SBN_NEVER;

	while (n-- > 0 && other[n] * 100 < usual[n] * (100 - MARGIN_PERCENT))
		from = n == 0 ? bytes[n] : middle(bytes[n - 1], bytes[n]);
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
		.stream_from = SBN_NEVER,
		.scatter_from = size > 2 ? SCATTER_WORK / (size - 2) : SBN_NEVER,
	};
}

/* ---- measuring ---- */

static struct sbn_tuning
tuning_of(enum way way)
{
	return (struct sbn_tuning){
		.stream_from = way == STREAM ? 0 : SBN_NEVER,
		.scatter_from = way == SCATTER ? 0 : SBN_NEVER,
	};
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct times {
	uint64_t round[WAYS][N_SIZES][ROUNDS];
	uint64_t median[WAYS][N_SIZES];
};

static syncbn_status_t
time_calls(struct syncbn_group *world, enum way way, float *data, uint32_t bytes, uint64_t *ticks)
{
	syncbn_status_t status = SYNCBN_OK;
	uint64_t start = sbn_ticks();

	world->tuning = tuning_of(way);
	for (int i = 0; i < CALLS && status == SYNCBN_OK; i++) {
		memset(data, 0, bytes); /* written again, as a gradient is */
		status = sbn_all_reduce_pieces(world, data, bytes / sizeof(*data), SYNCBN_FLOAT32,
					       SYNCBN_SUM);
	}
	*ticks = sbn_ticks() - start;
	return status;
}

static syncbn_status_t
time_round(struct syncbn_group *world, struct times *times, float *data, int round)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int size = 0; size < N_SIZES; size++)
		for (enum way way = 0; way < WAYS && status == SYNCBN_OK; way++)
			if (way != SCATTER || world->size > 2)
				status = time_calls(world, way, data, sizes[size],
						    &times->round[way][size][round]);
	return status;
}

static struct sbn_tuning
fastest(struct times *times, uint32_t size)
{
	for (enum way way = 0; way < WAYS; way++)
		for (int i = 0; i < N_SIZES; i++) {
			uint64_t *rounds = times->round[way][i];

			qsort(rounds + 1, ROUNDS - 1, sizeof(*rounds), compare);
			times->median[way][i] = rounds[ROUNDS / 2];
		}
	return (struct sbn_tuning){
		.stream_from = sbn_tuning_crossing(times->median[GATHER], times->median[STREAM],
						   sizes, N_SIZES),
		.scatter_from =
			size > 2 ? sbn_tuning_crossing(times->median[GATHER],
						       times->median[SCATTER], sizes, N_SIZES) :
				   SBN_NEVER,
	};
}

/* The counters are of the program's calls: what is added here is taken back. */
static syncbn_status_t
measure(struct syncbn_group *world, struct times *times, float *data, struct sbn_tuning *tuning)
{
	struct sbn_trace before = *world->trace;
	syncbn_status_t status = SYNCBN_OK;

	for (int round = 0; round < ROUNDS && status == SYNCBN_OK; round++)
		status = time_round(world, times, data, round);
	*world->trace = before;
	world->waited_ticks = 0;
	*tuning = fastest(times, world->size);
	return status;
}

/* ---- agreeing ---- */

static uint64_t
pack(struct sbn_tuning tuning)
{
	return (uint64_t)tuning.stream_from << 32 | tuning.scatter_from;
}

static struct sbn_tuning
unpack(uint64_t word)
{
	return (struct sbn_tuning){ (uint32_t)(word >> 32), (uint32_t)word };
}

/* A value of the environment is as good as a measurement; of the other values the rest decides. */
static syncbn_status_t
read_environment(struct sbn_tuning *fixed, bool *measured)
{
	static const char *const words[] = { "off", "on" };
	const char *text = getenv("SYNCBN_CALIBRATE");
	int64_t stream = -1, scatter = -1;
	size_t word = 1;
	syncbn_status_t status;

	if ((status = sbn_env_int("SYNCBN_STREAM_FROM", 0, SBN_NEVER, &stream)) != SYNCBN_OK ||
	    (status = sbn_env_int("SYNCBN_SCATTER_FROM", 0, SBN_NEVER, &scatter)) != SYNCBN_OK)
		return status;
	if (text != NULL && *text != '\0')
		status = sbn_parse_word("SYNCBN_CALIBRATE", text, words, 2, &word);
	*measured = word == 1 && (stream < 0 || scatter < 0);
	if (stream >= 0)
		fixed->stream_from = (uint32_t)stream;
	if (scatter >= 0)
		fixed->scatter_from = (uint32_t)scatter;
	return status;
}

static syncbn_status_t
measure_together(struct syncbn_group *world, struct sbn_tuning *tuning)
{
	struct times *times = calloc(1, sizeof(*times));
	float *data = malloc(LARGEST);
	struct sbn_agreement ready = { 0 };
	syncbn_status_t status = SYNCBN_OK;

	if (times == NULL || data == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%d bytes to calibrate with", LARGEST);
	status = sbn_agree(world, SBN_OP_JOIN, status, &ready, NULL);
	if (status == SYNCBN_OK)
		status = measure(world, times, data, tuning);
	free(data);
	free(times);
	return status;
}

/* Rank 0's measurement counts, and where its environment says more than that, its environment. */
static syncbn_status_t
calibrate(struct syncbn_group *world, struct sbn_tuning fixed, struct sbn_tuning *tuning)
{
	syncbn_status_t status = measure_together(world, tuning);
	struct sbn_agreement choice = { 0 };

	if (fixed.stream_from != UNSET)
		tuning->stream_from = fixed.stream_from;
	if (fixed.scatter_from != UNSET)
		tuning->scatter_from = fixed.scatter_from;
	choice.value = pack(*tuning);
	status = sbn_agree(world, SBN_OP_JOIN, status, &choice, NULL);
	*tuning = unpack(choice.root_value);
	/* nobody is in a call of the stream any more, and nobody in the next one yet */
	sbn_slice_reopen(world, SBN_STREAM_DATA);
	return status;
}

syncbn_status_t
sbn_tuning_choose(struct syncbn_group *world)
{
	struct sbn_tuning fixed = { UNSET, UNSET };
	struct sbn_tuning tuning = usual_tuning(world->size);
	struct sbn_agreement first = { 0 };
	bool measured = false;
	syncbn_status_t status = read_environment(&fixed, &measured);

	first.number = measured;
	first.value = pack(fixed);
	status = sbn_agree(world, SBN_OP_JOIN, status, &first, NULL);
	if (status != SYNCBN_OK)
		return status;
	fixed = unpack(first.root_value);
	if (first.number != 0)
		status = calibrate(world, fixed, &tuning);
	else if (fixed.stream_from != UNSET)
		tuning.stream_from = fixed.stream_from;
	if (first.number == 0 && fixed.scatter_from != UNSET)
		tuning.scatter_from = fixed.scatter_from;
	world->tuning = tuning;
	/* relaxed: for the eyes of tools */
	atomic_store_explicit(&world->control.head->tuning, pack(tuning), memory_order_relaxed);
	return status;
}

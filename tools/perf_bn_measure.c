/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_measure.h"

#include <stdlib.h>

#include <syncbn/syncbn.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "perf_bn_peers.h"
#include "perf_work.h"

/*
 * A variant's turn: calls that are not timed until they have filled the last cache, then as many,
 * or a few, that are. So each finds in the caches what its own calls leave there, as the peers do:
 * without it, whoever stores past the caches pays for writing back what another left dirty.
 */
enum { LEAST_IN_A_ROW = 3, FEW_CALLS = LEAST_IN_A_ROW, LINE_US = 1000 * 1000 };

/* Samples of a round, [calls] of each variant, and the rounds' figures, [rounds] of each. */
struct samples {
	struct perf_plan plan;
	double *us[PERF_BN_VARIANTS];
	struct perf_stats *rounds[PERF_BN_VARIANTS];
	uint64_t shuffles;
	bool counts;                  /* no warm-up now */
	struct perf_bn_phases phases; /* sums over `counted` calls */
	uint64_t counted;
};

static syncbn_counters_t
counters_of(const syncbn_group_t *group)
{
	syncbn_counters_t counters = { .size = sizeof(counters) };

	syncbn_counters_get(group, &counters);
	return counters;
}

static void
count_phases(struct samples *samples, const syncbn_counters_t *from, const syncbn_counters_t *to)
{
	samples->phases.moments += (double)(to->moments_ns - from->moments_ns) / 1e3;
	samples->phases.exchange += (double)(to->exchange_ns - from->exchange_ns) / 1e3;
	samples->phases.wait += (double)(to->wait_ns - from->wait_ns) / 1e3;
	samples->phases.normalize += (double)(to->normalize_ns - from->normalize_ns) / 1e3;
	samples->counted++;
}

/* All ranks begin together, so that none's time holds another's being late. */
static syncbn_status_t
time_call(struct perf_bn_work *work, enum perf_bn_variant variant, enum perf_bn_place place,
	  struct samples *samples, double *us)
{
	struct perf_bn_turn turn = perf_bn_work_turn(work, place);
	syncbn_status_t status = syncbn_barrier(work->group);
	syncbn_counters_t before = counters_of(work->group), after;
	uint64_t start_ns = sbn_now_ns();

	if (status == SYNCBN_OK)
		status = perf_bn_work_call(work, variant, turn);
	*us = (double)(sbn_now_ns() - start_ns) / 1e3;
	after = counters_of(work->group);
	if (variant == PERF_BN_OURS && samples->counts)
		count_phases(samples, &before, &after);
	return status;
}

/* Nobody is always behind the same other. */
static void
shuffle(enum perf_bn_variant order[PERF_BN_VARIANTS], uint64_t number)
{
	/* the same on all ranks; splitmix64's first step spreads the bits well enough for this */
	uint64_t random = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (int v = 0; v < PERF_BN_VARIANTS; v++)
		order[v] = (enum perf_bn_variant)v;
	for (uint64_t left = PERF_BN_VARIANTS; left > 1; left--) {
		uint64_t pick = (random >> 32) % left;
		enum perf_bn_variant kept = order[left - 1];

		order[left - 1] = order[pick];
		order[pick] = kept;
		random *= UINT64_C(0xbf58476d1ce4e5b9);
	}
}

/* Samples call .. call + n of one variant. */
static syncbn_status_t
take_turn(struct perf_bn_work *work, enum perf_bn_variant variant, enum perf_bn_place place,
	  struct samples *samples, uint64_t call, uint64_t n)
{
	syncbn_status_t status = SYNCBN_OK;

	for (size_t i = 0; i < work->memory.n_settling && status == SYNCBN_OK; i++)
		status = perf_bn_work_call(work, variant, perf_bn_work_turn(work, place));
	for (uint64_t i = 0; i < n && status == SYNCBN_OK; i++)
		status = time_call(work, variant, place, samples, &samples->us[variant][call + i]);
	return status;
}

static syncbn_status_t
time_calls(struct perf_bn_work *work, enum perf_bn_place place, struct samples *samples,
	   uint64_t calls)
{
	const uint64_t in_a_row = SBN_MAX(work->memory.n_settling, (size_t)LEAST_IN_A_ROW);
	syncbn_status_t status = SYNCBN_OK;

	for (uint64_t call = 0; call < calls; call += in_a_row) {
		uint64_t n = SBN_MIN(calls - call, in_a_row);
		enum perf_bn_variant order[PERF_BN_VARIANTS];

		shuffle(order, samples->shuffles++);
		for (int i = 0; i < PERF_BN_VARIANTS && status == SYNCBN_OK; i++)
			if (perf_bn_work_has(work, order[i]))
				status = take_turn(work, order[i], place, samples, call, n);
	}
	return status;
}

/* Warm-up and calls; us[v][0 .. calls): the slowest rank's. */
static syncbn_status_t
run_round(struct perf_bn_work *work, enum perf_bn_place place, struct samples *samples)
{
	syncbn_status_t status = SYNCBN_OK;

	samples->counts = false;
	for (uint64_t i = 0; i < samples->plan.warmup && status == SYNCBN_OK; i++)
		status = time_calls(work, place, samples, 1);
	samples->counts = true;
	if (status == SYNCBN_OK)
		status = time_calls(work, place, samples, samples->plan.calls);
	for (int v = 0; v < PERF_BN_VARIANTS && status == SYNCBN_OK; v++)
		if (perf_bn_work_has(work, (enum perf_bn_variant)v))
			status = perf_keep_slowest(work->group, samples->us[v],
						   (size_t)samples->plan.calls);
	return status;
}

static syncbn_status_t
make_room(struct samples *samples, uint64_t calls)
{
	for (int v = 0; v < PERF_BN_VARIANTS; v++) {
		double *us = realloc(samples->us[v], SBN_MAX(calls, 1) * sizeof(*us));

		if (us == NULL)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%llu samples",
					(unsigned long long)calls);
		samples->us[v] = us;
	}
	return SYNCBN_OK;
}

/* A few calls of all variants tell how many fill a round. */
static syncbn_status_t
choose_plan(struct perf_bn_work *work, enum perf_bn_place place, struct samples *samples)
{
	const struct perf_bn_options *options = work->options;
	double all_us[FEW_CALLS] = { 0 };
	syncbn_status_t status;

	samples->plan = (struct perf_plan){ .warmup = 1, .calls = FEW_CALLS, .batch = 1 };
	status = make_room(samples, FEW_CALLS);
	if (status == SYNCBN_OK && options->iterations == 0)
		status = run_round(work, place, samples);
	for (int v = 0; v < PERF_BN_VARIANTS && status == SYNCBN_OK; v++)
		for (int i = 0; i < FEW_CALLS && perf_bn_work_has(work, (enum perf_bn_variant)v);
		     i++)
			all_us[i] += samples->us[v][i];
	perf_stats_of(all_us, FEW_CALLS);
	samples->plan = perf_plan_choose(all_us, FEW_CALLS, LINE_US / (double)options->rounds,
					 options->iterations, options->warmup);
	samples->plan.batch = 1;
	samples->phases = (struct perf_bn_phases){ 0 };
	samples->counted = 0;
	return status == SYNCBN_OK ? make_room(samples, samples->plan.calls) : status;
}

static void
summarize(const struct perf_bn_work *work, const struct samples *samples, const size_t rounds,
	  struct perf_bn_result *row)
{
	double counted = (double)SBN_MAX(samples->counted, 1);

	row->calls = samples->plan.calls * rounds;
	for (int v = 0; v < PERF_BN_VARIANTS; v++) {
		row->there[v] = perf_bn_work_has(work, (enum perf_bn_variant)v);
		if (row->there[v])
			row->us[v] = perf_stats_median(samples->rounds[v], rounds);
	}
	row->phases = (struct perf_bn_phases){
		.moments = samples->phases.moments / counted,
		.exchange = samples->phases.exchange / counted,
		.wait = samples->phases.wait / counted,
		.normalize = samples->phases.normalize / counted,
	};
}

/* No choices of a layer last so many calls (nn/pass_ways.c, trial.h): not what it takes. */
enum { CHOOSING_CALLS = 170 };

static syncbn_status_t
let_layers_choose(struct perf_bn_work *work, enum perf_bn_place place)
{
	static const enum perf_bn_variant layers[] = { PERF_BN_OURS, PERF_BN_ALONE, PERF_BN_APART };
	syncbn_status_t status = SYNCBN_OK;

	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		for (int n = 0; n < CHOOSING_CALLS && status == SYNCBN_OK; n++)
			if (perf_bn_work_has(work, layers[i]))
				status = perf_bn_work_call(work, layers[i],
							   perf_bn_work_turn(work, place));
	return status;
}

static syncbn_status_t
run_rounds(struct perf_bn_work *work, struct perf_bn_turns *turns, struct samples *samples,
	   struct perf_bn_result *row)
{
	syncbn_status_t status = let_layers_choose(work, row->place);

	if (status == SYNCBN_OK)
		status = choose_plan(work, row->place, samples);

	for (size_t round = 0; round < work->options->rounds && status == SYNCBN_OK; round++) {
		status = run_round(work, row->place, samples);
		for (int v = 0; v < PERF_BN_VARIANTS && status == SYNCBN_OK; v++)
			if (perf_bn_work_has(work, (enum perf_bn_variant)v))
				samples->rounds[v][round] =
					perf_stats_of(samples->us[v], (size_t)samples->plan.calls);
		if (status == SYNCBN_OK && work->group->rank == 0)
			perf_bn_turns_round(turns, round, row);
		if (status == SYNCBN_OK)
			status = syncbn_barrier(work->group);
	}
	return status;
}

syncbn_status_t
perf_bn_measure(struct perf_bn_work *work, struct perf_peers *peers, struct perf_bn_result *row)
{
	size_t rounds = work->options->rounds;
	struct perf_stats *all = calloc(rounds * PERF_BN_VARIANTS, sizeof(*all));
	struct samples samples = { .counted = 0 };
	struct perf_bn_turns turns;
	syncbn_status_t status = perf_bn_turns_new(work, peers, &turns);

	if (all == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu rounds", rounds);
	for (size_t v = 0; v < PERF_BN_VARIANTS; v++)
		samples.rounds[v] = all + v * rounds;
	if (status == SYNCBN_OK)
		status = run_rounds(work, &turns, &samples, row);
	if (status == SYNCBN_OK)
		summarize(work, &samples, rounds, row);
	for (int v = 0; v < PERF_BN_VARIANTS; v++)
		free(samples.us[v]);
	perf_bn_turns_free(&turns);
	free(all);
	return status;
}

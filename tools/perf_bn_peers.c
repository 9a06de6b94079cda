/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"
#include "perf_stats.h"

enum { FEW_CALLS = 3, ROUNDS_US = 1000 * 1000 };

syncbn_status_t
perf_bn_turns_new(const struct perf_bn_work *work, struct perf_peers *peers,
		  struct perf_bn_turns *turns)
{
	size_t rounds = work->options->rounds;
	struct perf_stats *all = calloc(rounds * PERF_PEERS, sizeof(*all));

	*turns = (struct perf_bn_turns){ .work = work, .peers = peers };
	if (all == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu rounds", rounds);
	for (size_t i = 0; i < PERF_PEERS; i++)
		turns->rounds[i] = all + i * rounds;
	return SYNCBN_OK;
}

void
perf_bn_turns_free(struct perf_bn_turns *turns)
{
	free(turns->rounds[0]);
}

/* The words of a run; perf_peer.h has their meaning. */
static void
print_line(const struct perf_bn_work *work, const struct perf_bn_result *row, int number,
	   const struct perf_plan *plan, char *line)
{
	const struct perf_bn_options *options = work->options;
	char shape[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(row->shape, shape);
	snprintf(line, PERF_PEER_LINE, "bn %s %s %s %s %s %s %zu %zu %llu %llu\n",
		 perf_peer_names[number], perf_bn_op_names[options->op], shape,
		 perf_bn_layout_name(options->layout), perf_bn_dtype_name(options->dtype),
		 perf_bn_act_names[options->act], perf_bn_inputs(&work->memory, row->place),
		 work->memory.n_outputs, (unsigned long long)plan->calls,
		 (unsigned long long)plan->warmup);
}

/* us: [plan->calls], sorted. */
static syncbn_status_t
run(struct perf_bn_turns *turns, struct perf_bn_result *row, int number,
    const struct perf_plan *plan, struct perf_stats *stats, struct perf_plan *next)
{
	const struct perf_bn_options *options = turns->work->options;
	double *us = calloc((size_t)plan->calls, sizeof(*us));
	char line[PERF_PEER_LINE];
	syncbn_status_t status;

	if (us == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%llu samples",
				(unsigned long long)plan->calls);
	print_line(turns->work, row, number, plan, line);
	status = perf_peer_run(&turns->peers->peer[number], line, (size_t)plan->calls,
			       &row->peers[number].wrong, us);
	if (status == SYNCBN_OK)
		*stats = perf_stats_of(us, (size_t)plan->calls);
	if (status == SYNCBN_OK && next != NULL)
		*next = perf_plan_choose(us, (size_t)plan->calls,
					 ROUNDS_US / (double)options->rounds, options->iterations,
					 SBN_MAX(options->warmup, turns->work->memory.n_settling));
	free(us);
	return status;
}

static syncbn_status_t
run_round(struct perf_bn_turns *turns, struct perf_bn_result *row, int number, size_t round)
{
	static const struct perf_plan few = { .warmup = 1, .calls = FEW_CALLS, .batch = 1 };
	struct perf_stats *stats = &turns->rounds[number][round];
	struct perf_plan *plan = &turns->plan[number];
	syncbn_status_t status = SYNCBN_OK;

	if (plan->calls == 0)
		status = run(turns, row, number, &few, stats, plan);
	return status == SYNCBN_OK ? run(turns, row, number, plan, stats, NULL) : status;
}

void
perf_bn_turns_round(struct perf_bn_turns *turns, size_t round, struct perf_bn_result *row)
{
	for (int i = 0; i < PERF_PEERS; i++) {
		syncbn_status_t status;

		if (!turns->peers->there[i] || turns->cannot[i])
			continue;
		status = run_round(turns, row, i, round);
		row->peers[i].there = status == SYNCBN_OK;
		if (status == SYNCBN_OK) {
			row->peers[i].us = perf_stats_median(turns->rounds[i], round + 1);
		} else if (status == SYNCBN_ERR_UNSUPPORTED) {
			printf("# peer %s: %s\n", perf_peer_names[i], sbn_last_error());
			turns->cannot[i] = true;
		} else {
			perf_peers_leave_out(turns->peers, i);
		}
	}
}

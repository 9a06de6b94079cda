/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_collective.h"

#include <stdlib.h>
#include <string.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "base/math.h"
#include "perf_end.h"
#include "perf_json_file.h"
#include "perf_machine.h"
#include "perf_peers.h"
#include "perf_results.h"
#include "perf_settings.h"
#include "perf_start.h"
#include "perf_work.h"
#include "shm/contract.h"

enum { FEW_CALLS = 10, SIZE_US = 300 * 1000, TURNS_A_BATCH = 16 };

/* A run as a rank sees it; peers are rank 0's only. */
struct session {
	const struct perf_options *options;
	struct syncbn_group *group;
	struct perf_machine machine;
	struct perf_peers peers;
	struct perf_results results;
};

static bool
is_first(const struct session *session)
{
	return session->group->rank == 0;
}

/* ---- peers ---- */

/* The words of a run; perf_peer.h has their meaning. */
static void
print_work(const struct perf_work *work, const struct perf_plan *plan, char *line, size_t room)
{
	const struct perf_options *options = work->options;

	snprintf(line, room, "run %s %zu %s %s %d %llu %llu %llu\n",
		 perf_command_names[options->command],
		 options->command == PERF_EXCHANGE ? work->n_channels : work->array.count,
		 perf_dtype_name(options->dtype), perf_reduce_name(options->reduce), options->arena,
		 (unsigned long long)plan->batch, (unsigned long long)plan->calls,
		 (unsigned long long)plan->warmup);
}

/* Runs a round by a plan and sorts its samples: ours, what is beside it or a peer's. */
struct runner {
	syncbn_status_t (*run)(struct runner *runner, const struct perf_plan *plan, double *us);
	const struct perf_options *options;
	struct perf_work *work;
	const struct perf_kind *kind; /* ours */
	struct perf_peer *peer;       /* a peer's */
	uint64_t wrong;
};

static syncbn_status_t
run_peer(struct runner *runner, const struct perf_plan *plan, double *us)
{
	char line[PERF_PEER_LINE];

	print_work(runner->work, plan, line, sizeof(line));
	return perf_peer_run(runner->peer, line, perf_plan_samples(plan), &runner->wrong, us);
}

/* All ranks get the slowest rank's samples, so all choose the same plan. */
static syncbn_status_t
run_own(struct runner *runner, const struct perf_plan *plan, double *us)
{
	return perf_work_run(runner->work, runner->kind, plan, us);
}

/*
 * Ranks that share a CPU take turns, and in a turn each ends one call and begins the next: of one
 * call alone the slowest rank's time would have two turns where the calls need one each.
 */
static uint64_t
choose_batch(const struct runner *runner, const struct perf_plan *plan)
{
	if (runner->options->arena)
		return 1;
	if (runner->work->group->may_spin)
		return plan->batch;
	return SBN_MIN(SBN_MAX(plan->batch, TURNS_A_BATCH), plan->calls);
}

static syncbn_status_t
run_round(struct runner *runner, const struct perf_plan *plan, struct perf_stats *stats,
	  struct perf_plan *next, double budget_us)
{
	const struct perf_options *options = runner->options;
	size_t n = perf_plan_samples(plan);
	double *us = calloc(n, sizeof(*us));
	syncbn_status_t status;

	if (us == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu samples", n);
	status = runner->run(runner, plan, us);
	if (status == SYNCBN_OK)
		*stats = perf_stats_of(us, n);
	if (status == SYNCBN_OK && next != NULL) {
		*next = perf_plan_choose(us, n, budget_us, options->iterations, options->warmup);
		next->batch = choose_batch(runner, next);
	}
	free(us);
	return status;
}

/* A few calls say how many make a fair probe; the probe says how many fill a round. */
static syncbn_status_t
choose_plan(struct runner *runner, struct perf_plan *plan)
{
	static const struct perf_plan few = { .warmup = FEW_CALLS, .calls = FEW_CALLS, .batch = 1 };
	double round_us = (double)SIZE_US / (double)runner->options->rounds;
	struct perf_stats stats;
	struct perf_plan probe;
	syncbn_status_t status = run_round(runner, &few, &stats, &probe, round_us / 8);

	if (status == SYNCBN_OK && runner->options->iterations == 0)
		return run_round(runner, &probe, &stats, plan, round_us);
	*plan = probe;
	return status;
}

/* ---- a size ---- */

struct size {
	struct perf_work work;
	struct perf_plan plan, beside_plan, peer_plan[PERF_PEERS];
	struct perf_stats *us, *beside, *peer[PERF_PEERS]; /* [rounds] */
};

static syncbn_status_t
make_size(const struct session *session, size_t bytes, struct size *size)
{
	size_t rounds = session->options->rounds;
	struct perf_stats *all = calloc(rounds * (2 + PERF_PEERS), sizeof(*all));
	syncbn_status_t status;

	*size = (struct size){ .us = all };
	if (all == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu rounds", rounds);
	size->beside = all + rounds;
	for (size_t i = 0; i < PERF_PEERS; i++)
		size->peer[i] = all + rounds * (2 + i);
	status = perf_work_new(session->options, session->group, bytes, &size->work);
	if (status != SYNCBN_OK)
		free(all);
	return status;
}

static void
free_size(struct size *size)
{
	perf_work_free(&size->work);
	free(size->us);
}

static syncbn_status_t
own_round(struct size *size, const struct perf_kind *kind, struct perf_plan *plan,
	  struct perf_stats *stats)
{
	struct runner runner = {
		.run = run_own, .options = size->work.options, .work = &size->work, .kind = kind
	};
	syncbn_status_t status = plan->calls == 0 ? choose_plan(&runner, plan) : SYNCBN_OK;

	return status == SYNCBN_OK ? run_round(&runner, plan, stats, NULL, 0) : status;
}

static syncbn_status_t
peer_round(struct perf_peer *peer, struct size *size, size_t round, struct perf_peer_result *result)
{
	struct perf_plan *plan = &size->peer_plan[peer->number];
	struct runner runner = { .run = run_peer,
				 .options = size->work.options,
				 .work = &size->work,
				 .peer = peer,
				 .wrong = result->wrong };
	syncbn_status_t status = plan->calls == 0 ? choose_plan(&runner, plan) : SYNCBN_OK;

	if (status == SYNCBN_OK)
		status = run_round(&runner, plan, &size->peer[peer->number][round], NULL, 0);
	result->wrong = runner.wrong;
	result->there = status == SYNCBN_OK;
	return status;
}

static void
peer_rounds(struct session *session, struct size *size, size_t round, struct perf_result *row)
{
	for (int i = 0; i < PERF_PEERS; i++)
		if (session->peers.there[i] &&
		    peer_round(&session->peers.peer[i], size, round, &row->peers[i]) != SYNCBN_OK)
			perf_peers_leave_out(&session->peers, i);
}

/* Ours, what is beside it, each peer; then again. Meanwhile all ranks but the first sleep. */
static syncbn_status_t
run_rounds(struct session *session, struct size *size, struct perf_result *row)
{
	syncbn_status_t status = SYNCBN_OK;

	for (size_t round = 0; round < session->options->rounds && status == SYNCBN_OK; round++) {
		status = own_round(size, size->work.kind, &size->plan, &size->us[round]);
		if (status == SYNCBN_OK && session->options->arena)
			status = own_round(size, size->work.kind->beside, &size->beside_plan,
					   &size->beside[round]);
		if (is_first(session))
			peer_rounds(session, size, round, row);
		if (status == SYNCBN_OK)
			status = syncbn_barrier(session->group);
	}
	return status;
}

static void
summarize(const struct session *session, const struct size *size, struct perf_result *row)
{
	size_t rounds = session->options->rounds;

	row->calls = size->plan.calls * rounds;
	row->us = perf_stats_median(size->us, rounds);
	if (session->options->arena)
		row->beside_us = perf_stats_median(size->beside, rounds).p50;
	for (int i = 0; i < PERF_PEERS; i++)
		if (row->peers[i].there)
			row->peers[i].us = perf_stats_median(size->peer[i], rounds);
}

static syncbn_status_t
measure_size(struct session *session, size_t bytes)
{
	struct perf_result *row = &session->results.rows[session->results.n_rows++];
	struct size size;
	syncbn_status_t status = make_size(session, bytes, &size);

	if (status != SYNCBN_OK)
		return status;
	*row = (struct perf_result){ .bytes = bytes };
	status = perf_work_check(&size.work, &row->wrong);
	if (status == SYNCBN_OK)
		status = run_rounds(session, &size, row);
	if (status == SYNCBN_OK)
		status = perf_trip_measure(session->group, &row->trip);
	if (status == SYNCBN_OK)
		summarize(session, &size, row);
	if (status == SYNCBN_OK && is_first(session))
		perf_table_row(&session->results, row);
	free_size(&size);
	return status;
}

/* ---- a run ---- */

static syncbn_status_t
measure_all(struct session *session)
{
	const struct perf_options *options = session->options;
	syncbn_status_t status = perf_machine_find(session->group, &session->machine);

	if (status != SYNCBN_OK)
		return status;
	session->results.machine = &session->machine;
	session->results.n_ranks = session->group->size;
	if (is_first(session)) {
		perf_peers_start(&session->peers, options->peers, &session->machine,
				 session->group->size, 1);
		session->results.peers = session->peers.there;
		perf_table_head(&session->results);
	}
	for (size_t i = 0; i < options->n_sizes && status == SYNCBN_OK; i++)
		status = measure_size(session, options->bytes[i]);
	if (is_first(session))
		perf_peers_stop(&session->peers);
	if (status == SYNCBN_OK && is_first(session) && options->json != NULL)
		status = perf_json_write(options->json, &session->results);
	perf_machine_free(&session->machine);
	return status;
}

/* Wrong results of ours must not pass for a measurement. */
static int
judge(const struct perf_results *results)
{
	bool right = true;

	for (size_t i = 0; i < results->n_rows; i++) {
		const struct perf_result *row = &results->rows[i];
		char place[PERF_PLACE_BYTES];

		snprintf(place, sizeof(place), "%zu bytes", row->bytes);
		right &= perf_print_wrong(place, row->wrong, row->peers);
	}
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
measure(const struct perf_options *options)
{
	static struct session session;
	syncbn_status_t status;

	perf_settings_executor(NULL, "team");
	status = syncbn_init(NULL, &session.group);
	int code = EXIT_SUCCESS;

	if (status != SYNCBN_OK)
		return perf_tell(status);
	session.options = session.results.options = options;
	status = perf_check_ranks(session.group, options->n_ranks);
	if (status == SYNCBN_OK && is_first(&session) && options->json != NULL)
		status = perf_json_file_claim(options->json);
	if (status == SYNCBN_OK)
		status = measure_all(&session);
	if (status != SYNCBN_OK)
		code = perf_tell(status);
	else if (is_first(&session))
		code = perf_end_stdout(judge(&session.results));
	syncbn_finalize(session.group);
	return code;
}

int
perf_collective(int argc, char **argv)
{
	static struct perf_options options;
	bool is_rank = getenv(SBN_ENV_CONTRACT) != NULL;
	syncbn_status_t status = perf_options_parse(argc, argv, &options);

	if (status == SYNCBN_OK && options.help) {
		fputs(perf_options_help, stdout);
		return perf_end_stdout(EXIT_SUCCESS);
	}
	if (status == SYNCBN_OK && options.json != NULL)
		status = perf_json_file_probe(options.json);
	if (status != SYNCBN_OK)
		return perf_tell(status);
	return is_rank ? measure(&options) :
			 perf_start(options.n_ranks, options.oversubscribe, argc, argv);
}

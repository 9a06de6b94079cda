/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_collective.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "perf_machine.h"
#include "perf_peer.h"
#include "perf_results.h"
#include "perf_start.h"
#include "perf_work.h"
#include "shm/contract.h"

enum { EXIT_USAGE = 2, PROBE_CALLS = 10, SIZE_US = 300 * 1000 };

/* A run as a rank sees it; peers are rank 0's only. */
struct session {
	const struct perf_options *options;
	struct syncbn_group *group;
	struct perf_machine machine;
	struct perf_peer peers[PERF_PEERS];
	struct perf_results results;
};

static bool
is_first(const struct session *session)
{
	return session->group->rank == 0;
}

/* ---- peers ---- */

static void
leave_out(struct session *session, int number)
{
	fprintf(stderr, "syncbn-perf: peer %s is left out: %s\n", perf_peer_names[number],
		sbn_last_error());
	session->results.peers[number] = false;
}

static void
start_peers(struct session *session)
{
	uint32_t n_ranks = session->group->size;

	for (int i = 0; i < PERF_PEERS; i++) {
		if (!session->options->peers[i])
			continue;
		session->results.peers[i] = true;
		if (perf_peer_start(i, n_ranks, session->machine.places,
				    n_ranks > session->machine.n_cpus,
				    &session->peers[i]) != SYNCBN_OK)
			leave_out(session, i);
	}
}

static void
stop_peers(struct session *session)
{
	for (int i = 0; i < PERF_PEERS; i++)
		if (session->results.peers[i])
			perf_peer_stop(&session->peers[i]);
}

static struct perf_peer_work
peer_work(const struct perf_work *work, const struct perf_plan *plan)
{
	const struct perf_options *options = work->options;

	return (struct perf_peer_work){
		.command = perf_command_names[options->command],
		.dtype = perf_dtype_name(options->dtype),
		.op = perf_reduce_name(options->reduce),
		.count = options->command == PERF_EXCHANGE ? work->n_channels : work->array.count,
		.fresh = options->arena,
		.plan = *plan,
	};
}

static double
round_budget_us(const struct perf_options *options)
{
	return (double)SIZE_US / (double)options->rounds;
}

static const struct perf_plan probe_plan = { .warmup = PROBE_CALLS,
					     .calls = PROBE_CALLS,
					     .batch = 1 };

/* *plan is made by the first round: a peer's own speed says how many calls fill its time. */
static syncbn_status_t
peer_round(struct perf_peer *peer, const struct perf_work *work, struct perf_plan *plan,
	   struct perf_stats *us, uint64_t *wrong)
{
	const struct perf_options *options = work->options;
	struct perf_peer_work probe = peer_work(work, &probe_plan);
	struct perf_peer_work round;
	double few[PROBE_CALLS];
	syncbn_status_t status = SYNCBN_OK;
	double *all;

	if (plan->calls == 0) {
		status = perf_peer_run(peer, &probe, wrong, few);
		if (status != SYNCBN_OK)
			return status;
		*plan = perf_plan_choose(perf_stats_of(few, PROBE_CALLS).p50,
					 round_budget_us(options), options->iterations,
					 options->warmup);
		plan->batch = options->arena ? 1 : plan->batch;
	}
	all = calloc(perf_plan_samples(plan), sizeof(*all));
	if (all == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "samples");
	round = peer_work(work, plan);
	status = perf_peer_run(peer, &round, wrong, all);
	if (status == SYNCBN_OK)
		*us = perf_stats_of(all, perf_plan_samples(plan));
	free(all);
	return status;
}

/* ---- a size ---- */

struct size {
	struct perf_work work;
	struct perf_plan plan, floor_plan, peer_plan[PERF_PEERS];
	struct perf_stats *us, *floor, *peer[PERF_PEERS]; /* [rounds] */
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
	size->floor = all + rounds;
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

/* All ranks must make the same calls: rank 0's probe decides. */
static syncbn_status_t
choose_plan(struct size *size, const struct perf_kind *kind, struct perf_plan *plan)
{
	const struct perf_options *options = size->work.options;
	double us[PROBE_CALLS];
	syncbn_status_t status = perf_work_run(&size->work, kind, &probe_plan, us);

	if (status != SYNCBN_OK)
		return status;
	*plan = perf_plan_choose(perf_stats_of(us, PROBE_CALLS).p50, round_budget_us(options),
				 options->iterations, options->warmup);
	plan->batch = options->arena ? 1 : plan->batch;
	return syncbn_broadcast(size->work.group, plan, sizeof(*plan), 0);
}

static syncbn_status_t
own_round(struct size *size, const struct perf_kind *kind, const struct perf_plan *plan,
	  struct perf_stats *stats)
{
	double *us = calloc(perf_plan_samples(plan), sizeof(*us));
	syncbn_status_t status;

	if (us == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "samples");
	status = perf_work_run(&size->work, kind, plan, us);
	if (status == SYNCBN_OK)
		*stats = perf_stats_of(us, perf_plan_samples(plan));
	free(us);
	return status;
}

static void
peer_rounds(struct session *session, struct size *size, size_t round, struct perf_result *row)
{
	for (int i = 0; i < PERF_PEERS; i++) {
		if (!session->results.peers[i])
			continue;
		row->peers[i].there =
			peer_round(&session->peers[i], &size->work, &size->peer_plan[i],
				   &size->peer[i][round], &row->peers[i].wrong) == SYNCBN_OK;
		if (row->peers[i].there)
			continue;
		perf_peer_stop(&session->peers[i]);
		leave_out(session, i);
	}
}

/* Ours, the floor, each peer; then again. While a peer runs all ranks but the first sleep. */
static syncbn_status_t
run_rounds(struct session *session, struct size *size, struct perf_result *row)
{
	syncbn_status_t status = choose_plan(size, size->work.kind, &size->plan);

	if (status == SYNCBN_OK && session->options->arena)
		status = choose_plan(size, &perf_floor, &size->floor_plan);
	for (size_t round = 0; round < session->options->rounds && status == SYNCBN_OK; round++) {
		status = own_round(size, size->work.kind, &size->plan, &size->us[round]);
		if (status == SYNCBN_OK && session->options->arena)
			status = own_round(size, &perf_floor, &size->floor_plan,
					   &size->floor[round]);
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
		row->floor_us = perf_stats_median(size->floor, rounds).p50;
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
		start_peers(session);
		perf_table_head(&session->results);
	}
	for (size_t i = 0; i < options->n_sizes && status == SYNCBN_OK; i++)
		status = measure_size(session, options->bytes[i]);
	if (is_first(session))
		stop_peers(session);
	if (status == SYNCBN_OK && is_first(session) && options->json != NULL)
		status = perf_json_write(options->json, &session->results);
	perf_machine_free(&session->machine);
	return status;
}

/* Wrong results, ours or a peer's, must not pass for a measurement. */
static int
judge(const struct perf_results *results)
{
	int code = EXIT_SUCCESS;

	for (size_t i = 0; i < results->n_rows; i++) {
		const struct perf_result *row = &results->rows[i];

		code = row->wrong > 0 ? EXIT_FAILURE : code;
		for (int peer = 0; peer < PERF_PEERS; peer++) {
			if (row->peers[peer].wrong == 0)
				continue;
			fprintf(stderr, "syncbn-perf: peer %s: %llu wrong values at %zu bytes\n",
				perf_peer_names[peer], (unsigned long long)row->peers[peer].wrong,
				row->bytes);
			code = EXIT_FAILURE;
		}
	}
	return code;
}

static int
tell(syncbn_status_t status)
{
	fprintf(stderr, "syncbn-perf: %s\n", sbn_last_error());
	return status == SYNCBN_ERR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
}

static int
end_stdout(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fprintf(stderr, "syncbn-perf: cannot write standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

static int
measure(const struct perf_options *options)
{
	static struct session session;
	syncbn_status_t status = syncbn_init(NULL, &session.group);
	int code = EXIT_SUCCESS;

	if (status != SYNCBN_OK)
		return tell(status);
	session.options = session.results.options = options;
	if (options->n_ranks != 0 && options->n_ranks != session.group->size)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "-n %llu: the launcher has started %u ranks; leave -n out",
				  (unsigned long long)options->n_ranks, session.group->size);
	else
		status = measure_all(&session);
	if (status != SYNCBN_OK)
		code = tell(status);
	else if (is_first(&session))
		code = end_stdout(judge(&session.results));
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
		return end_stdout(EXIT_SUCCESS);
	}
	if (status == SYNCBN_OK && options.json != NULL && !is_rank)
		status = perf_json_probe(options.json);
	if (status != SYNCBN_OK)
		return tell(status);
	return is_rank ? measure(&options) : perf_start(&options, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn.h"

#include <stdlib.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "perf_bn_measure.h"
#include "perf_bn_numerics.h"
#include "perf_bn_openmp.h"
#include "perf_bn_results.h"
#include "perf_end.h"
#include "perf_json_file.h"
#include "perf_machine.h"
#include "perf_settings.h"
#include "perf_start.h"
#include "shm/contract.h"

/* A run as a rank sees it. */
struct session {
	const struct perf_bn_options *options;
	struct syncbn_group *group;
	syncbn_group_t *alone;
	struct perf_machine machine;
	struct perf_peers peers; /* rank 0's only */
	struct perf_bn_table table;
};

static bool
is_first(const struct session *session)
{
	return session->group->rank == 0;
}

static syncbn_status_t
measure_place(struct session *session, struct perf_bn_work *work, enum perf_bn_place place)
{
	struct perf_bn_result *row = &session->table.rows[session->table.n_rows++];
	syncbn_status_t status;

	*row = (struct perf_bn_result){
		.shape = work->memory.shape,
		.place = place,
		.bytes = perf_bn_work_moved(work),
	};
	status = perf_bn_measure(work, &session->peers, row);
	/* after all those calls, on whatever buffers are next */
	if (status == SYNCBN_OK)
		status = perf_bn_work_check(work, perf_bn_work_turn(work, place), &row->wrong);
	if (status == SYNCBN_OK && is_first(session))
		perf_bn_table_row(&session->table, row);
	return status;
}

static void
tell_no_hot_line(const struct perf_bn_shape *shape)
{
	char text[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(shape, text);
	printf("# %s: inputs take more than three quarters of the last cache: no hot line\n", text);
}

static syncbn_status_t
measure_places(struct session *session, struct perf_bn_work *work,
	       const struct perf_bn_shape *shape)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int place = 0; place < PERF_BN_PLACES && status == SYNCBN_OK; place++) {
		if (!session->options->places[place])
			continue;
		if (place == PERF_BN_HOT && !work->memory.fits) {
			if (is_first(session))
				tell_no_hot_line(shape);
			continue;
		}
		status = measure_place(session, work, (enum perf_bn_place)place);
	}
	return status;
}

static syncbn_status_t
measure_shape(struct session *session, const struct perf_bn_shape *shape)
{
	struct perf_bn_work work;
	syncbn_status_t status =
		perf_bn_work_new(session->options, session->group, session->alone, shape, &work);

	if (status == SYNCBN_OK)
		status = measure_places(session, &work, shape);
	perf_bn_work_free(&work);
	return status;
}

static syncbn_status_t
measure_shapes(struct session *session)
{
	const struct perf_bn_options *options = session->options;
	syncbn_status_t status = SYNCBN_OK;

	if (is_first(session))
		perf_bn_table_head(&session->table);
	for (size_t i = 0; i < options->shapes.n && status == SYNCBN_OK; i++)
		status = measure_shape(session, &options->shapes.shape[i]);
	if (status == SYNCBN_OK && is_first(session) && options->json != NULL &&
	    session->table.n_rows != 0)
		status = perf_bn_json_write(options->json, &session->table);
	return status;
}

static syncbn_status_t
measure_all(struct session *session)
{
	const struct perf_bn_options *options = session->options;
	syncbn_status_t status = perf_machine_find(session->group, &session->machine);

	if (status != SYNCBN_OK)
		return status;
	session->table.machine = &session->machine;
	session->table.n_ranks = session->group->size;
	session->table.n_threads = syncbn_threads();
	if (is_first(session))
		perf_peers_start(&session->peers, options->peers, &session->machine,
				 session->group->size, session->table.n_threads);
	session->table.peers = session->peers.there;
	if (options->numerics)
		status = perf_bn_numerics(options, session->group, session->alone,
					  &session->machine, &session->peers);
	else if (options->openmp)
		status = perf_bn_openmp(options, session->group, session->alone, &session->machine);
	else
		status = measure_shapes(session);
	if (is_first(session))
		perf_peers_stop(&session->peers);
	perf_machine_free(&session->machine);
	return status;
}

static int
tell_no_line(void)
{
	fputs("syncbn-perf: nothing was measured: no shape has a hot line; give smaller ones, or "
	      "leave --hot out\n",
	      stderr);
	return EXIT_FAILURE;
}

/* Wrong results of ours must not pass for a measurement, and neither must no results. */
static int
judge(const struct perf_bn_table *table)
{
	bool right = true;

	if (table->n_rows == 0)
		return tell_no_line();
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct perf_bn_result *row = &table->rows[i];
		char place[PERF_PLACE_BYTES];

		snprintf(place, sizeof(place), "line %zu", i + 1);
		right &= perf_print_wrong(place, row->wrong, row->peers);
	}
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
measure(const struct perf_bn_options *options)
{
	static struct session session;
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_status_t status;
	int code = EXIT_SUCCESS;

	config.threads = (int)options->threads;
	perf_settings_executor(options->executor, options->openmp ? "auto" : "team");
	if (options->threads != 0)
		perf_settings_override("SYNCBN_THREADS");
	status = syncbn_init(&config, &session.group);
	if (status != SYNCBN_OK)
		return perf_tell(status);
	session.options = session.table.options = options;
	status = perf_check_ranks(session.group, options->n_ranks);
	if (status == SYNCBN_OK && is_first(&session) && options->json != NULL)
		status = perf_json_file_claim(options->json);
	if (status == SYNCBN_OK)
		status = syncbn_group_self(&session.alone);
	if (status == SYNCBN_OK)
		status = measure_all(&session);
	if (status != SYNCBN_OK)
		code = perf_tell(status);
	else if (is_first(&session))
		code = perf_end_stdout(options->numerics || options->openmp ?
					       EXIT_SUCCESS :
					       judge(&session.table));
	perf_bn_memory_free_pool();
	syncbn_group_free(session.alone);
	syncbn_finalize(session.group);
	return code;
}

int
perf_bn(int argc, char **argv)
{
	static struct perf_bn_options options;
	bool is_rank = getenv(SBN_ENV_CONTRACT) != NULL;
	syncbn_status_t status = perf_bn_options_parse(argc, argv, &options);

	if (status == SYNCBN_OK && options.help) {
		fputs(perf_bn_help, stdout);
		return perf_end_stdout(EXIT_SUCCESS);
	}
	if (status == SYNCBN_OK && options.json != NULL)
		status = perf_json_file_probe(options.json);
	if (status != SYNCBN_OK)
		return perf_tell(status);
	return is_rank ? measure(&options) :
			 perf_start(options.n_ranks, options.oversubscribe, argc, argv);
}

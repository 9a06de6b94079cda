/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_numerics.h"

#include <stdio.h>
#include <stdlib.h>

#include <syncbn/syncbn.h>
#include <syncbn/version.h>

#include "base/fail.h"
#include "base/math.h"
#include "perf_bn_work.h"
#include "perf_json_file.h"
#include "perf_work.h"

static const char *const error_names[PERF_BN_ERRORS] = { "mean", "variance", "y", "dx" };

struct table {
	const struct perf_bn_options *options;
	struct perf_bn_numerics_row *rows;
	size_t n_rows;
};

/* ---- ours ---- */

static syncbn_status_t
compare(const struct perf_bn_work *work, double errors[PERF_BN_ERRORS])
{
	const struct perf_bn_batch *batch = &work->memory.batch;
	struct perf_bn_outputs results = {
		.first = work->memory.first,
		.count = work->memory.count,
		.y = work->memory.tensor[PERF_BN_TY],
		.dx = work->memory.tensor[PERF_BN_TDX],
	};
	syncbn_statistics_t statistics;
	double *var = calloc(batch->channels, sizeof(*var));
	syncbn_status_t status = syncbn_saved_statistics(work->ours.saved[0], &statistics);

	if (status == SYNCBN_OK && var == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu channels", batch->channels);
	if (status == SYNCBN_OK) {
		for (size_t c = 0; c < batch->channels; c++) {
			double invstd = statistics.invstd[c];

			var[c] = 1 / (invstd * invstd) - PERF_BN_EPS;
		}
		perf_bn_errors_of(&work->oracle, &results, statistics.mean, var, errors);
	}
	free(var);
	return status;
}

/* The largest of all ranks'. */
static syncbn_status_t
measure_ours(const struct perf_bn_options *options, struct syncbn_group *group,
	     syncbn_group_t *alone, struct perf_bn_numerics_row *row)
{
	struct perf_bn_work work;
	syncbn_status_t status = perf_bn_work_new(options, group, alone, &row->shape, &work);

	if (status == SYNCBN_OK)
		status = perf_bn_work_call(&work, PERF_BN_OURS, (struct perf_bn_turn){ 0, 0, 1 });
	if (status == SYNCBN_OK)
		status = compare(&work, row->ours);
	if (status == SYNCBN_OK)
		status = perf_keep_slowest(group, row->ours, PERF_BN_ERRORS);
	perf_bn_work_free(&work);
	return status;
}

/* ---- peers ---- */

static void
measure_peers(const struct perf_bn_options *options, struct perf_peers *peers,
	      struct perf_bn_numerics_row *row)
{
	char shape[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(&row->shape, shape);
	for (int i = 0; i < PERF_PEERS; i++) {
		char line[PERF_PEER_LINE];
		syncbn_status_t status;
		uint64_t wrong = 0;

		if (!peers->there[i])
			continue;
		snprintf(line, sizeof(line), "errors %s %d %s %s %s\n", perf_peer_names[i],
			 (int)row->numbers, shape, perf_bn_layout_name(options->layout),
			 perf_bn_dtype_name(options->dtype));
		status =
			perf_peer_run(&peers->peer[i], line, PERF_BN_ERRORS, &wrong, row->peers[i]);
		row->there[i] = status == SYNCBN_OK;
		if (status == SYNCBN_ERR_UNSUPPORTED)
			printf("# peer %s: %s\n", perf_peer_names[i], sbn_last_error());
		else if (status != SYNCBN_OK)
			perf_peers_leave_out(peers, i);
	}
}

/* ---- results ---- */

static void
print_head(const struct perf_bn_options *options, const struct perf_machine *machine,
	   uint32_t n_ranks)
{
	printf("# syncbn-perf %s bn numerics, %s, %s\n", SYNCBN_VERSION,
	       perf_bn_layout_name(options->layout), perf_bn_dtype_name(options->dtype));
	perf_print_machine(machine, n_ranks, syncbn_threads());
	printf("# largest errors: the mean's by the standard deviation, the variance's by itself "
	       "(both with eps),\n# those of y and dx by their largest value\n");
	printf("#%16s %-20s %-14s %9s %9s %9s %9s\n", "shape", "numbers", "whose", error_names[0],
	       error_names[1], error_names[2], error_names[3]);
}

static void
print_errors(const struct perf_bn_numerics_row *row, const char *whose, const double *errors)
{
	char shape[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(&row->shape, shape);
	printf(" %16s %-20s %-14s", shape, perf_bn_numbers_names[row->numbers], whose);
	for (int i = 0; i < PERF_BN_ERRORS; i++)
		printf(" %9.1e", errors[i]);
	putchar('\n');
}

static void
print_row(const struct perf_bn_numerics_row *row)
{
	print_errors(row, "syncbn", row->ours);
	for (int i = 0; i < PERF_PEERS; i++)
		if (row->there[i])
			print_errors(row, perf_peer_names[i], row->peers[i]);
	fflush(stdout);
}

static void
put_errors(struct perf_json *json, const double *errors)
{
	for (int i = 0; i < PERF_BN_ERRORS; i++)
		perf_json_number(json, error_names[i], errors[i]);
}

static void
put_row(struct perf_json *json, const struct table *table, const struct perf_bn_numerics_row *row)
{
	char shape[PERF_BN_SHAPE_BYTES], name[256];

	perf_bn_shape_print(&row->shape, shape);
	snprintf(name, sizeof(name), "bn/numerics/%s/%s/%s/%s", shape,
		 perf_bn_layout_name(table->options->layout),
		 perf_bn_dtype_name(table->options->dtype), perf_bn_numbers_names[row->numbers]);
	perf_json_open(json, NULL, '{');
	perf_json_text(json, "name", name);
	put_errors(json, row->ours);
	perf_json_open(json, "peers", '{');
	for (int i = 0; i < PERF_PEERS; i++) {
		if (!row->there[i])
			continue;
		perf_json_open(json, perf_peer_names[i], '{');
		put_errors(json, row->peers[i]);
		perf_json_close(json, '{');
	}
	perf_json_close(json, '{');
	perf_json_close(json, '{');
}

static void
put_rows(struct perf_json *json, const void *context)
{
	const struct table *table = context;

	for (size_t i = 0; i < table->n_rows; i++)
		put_row(json, table, &table->rows[i]);
}

/* ---- all ---- */

/* The options of one kind: forward and backward on one buffer. */
static struct perf_bn_options
options_of(const struct perf_bn_options *options, enum perf_bn_numbers numbers)
{
	struct perf_bn_options own = *options;

	own.op = PERF_BN_STEP;
	own.act = PERF_BN_NONE;
	own.numbers = numbers;
	own.places[PERF_BN_COLD] = own.places[PERF_BN_HOT] = false; /* one buffer */
	return own;
}

static syncbn_status_t
measure_rows(struct table *table, struct syncbn_group *group, syncbn_group_t *alone,
	     struct perf_peers *peers)
{
	const struct perf_bn_shapes *shapes = &table->options->shapes;
	size_t n = shapes->n * PERF_BN_KINDS;
	syncbn_status_t status = SYNCBN_OK;

	for (; table->n_rows < n && status == SYNCBN_OK; table->n_rows++) {
		struct perf_bn_numerics_row *row = &table->rows[table->n_rows];
		struct perf_bn_options options;

		row->shape = shapes->shape[table->n_rows / PERF_BN_KINDS];
		row->numbers = (enum perf_bn_numbers)(table->n_rows % PERF_BN_KINDS);
		options = options_of(table->options, row->numbers);
		status = measure_ours(&options, group, alone, row);
		if (status == SYNCBN_OK && group->rank == 0) {
			measure_peers(&options, peers, row);
			print_row(row);
		}
		if (status == SYNCBN_OK)
			status = syncbn_barrier(group);
	}
	return status;
}

syncbn_status_t
perf_bn_numerics(const struct perf_bn_options *options, struct syncbn_group *group,
		 syncbn_group_t *alone, const struct perf_machine *machine,
		 struct perf_peers *peers)
{
	struct table table = { .options = options };
	syncbn_status_t status;

	table.rows = calloc(options->shapes.n * PERF_BN_KINDS, sizeof(*table.rows));
	if (table.rows == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the table");
	if (group->rank == 0)
		print_head(options, machine, group->size);
	status = measure_rows(&table, group, alone, peers);
	if (status == SYNCBN_OK && group->rank == 0 && options->json != NULL)
		status = perf_json_file_write(options->json, machine, put_rows, &table);
	free(table.rows);
	return status;
}

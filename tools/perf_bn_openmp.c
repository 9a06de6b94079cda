/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_openmp.h"

#include <stdio.h>
#include <stdlib.h>

#include <syncbn/syncbn.h>
#include <syncbn/version.h>

#include "base/clock.h"
#include "base/fail.h"
#include "comm/process.h"
#include "perf_bn_work.h"
#include "perf_json_file.h"
#include "perf_openmp.h"
#include "perf_work.h"

/* OpenMP's threads spin for tens of milliseconds behind their last region. */
enum { LAYER, REGION, BOTH, MIXES, USUAL_CALLS = 50, CALM_MS = 100 };

struct row {
	const struct perf_bn_shape *shape;
	double us[MIXES]; /* a call of each */
	double lost;      /* by alternating: a part of 1 */
};

struct table {
	const struct perf_bn_options *options;
	struct row rows[PERF_BN_MAX_SHAPES];
	size_t n_rows;
};

static syncbn_status_t
run_calls(struct perf_bn_work *work, int mix, uint64_t calls)
{
	syncbn_status_t status = SYNCBN_OK;

	for (uint64_t i = 0; i < calls && status == SYNCBN_OK; i++) {
		if (mix != REGION)
			status = perf_bn_work_call(work, PERF_BN_OURS,
						   (struct perf_bn_turn){ 0, 0, 1 });
		if (mix != LAYER)
			perf_openmp_region(syncbn_threads());
	}
	return status;
}

/* Until nothing is left of the threads of the mix before. */
static syncbn_status_t
settle(struct perf_bn_work *work, int mix)
{
	uint64_t end_ns = sbn_now_ns() + CALM_MS * (SBN_NS_PER_S / 1000), more = 1;
	syncbn_status_t status = run_calls(work, mix, work->options->warmup);

	while (status == SYNCBN_OK && more != 0) {
		double least[1] = { sbn_now_ns() < end_ns ? 1 : 0 };

		status = run_calls(work, mix, 1);
		if (status == SYNCBN_OK) /* all ranks make as many calls */
			status = perf_keep_slowest(work->group, least, 1);
		more = (uint64_t)least[0];
	}
	return status;
}

/* Microseconds a call. Many in a row: what is left of a call's threads disturbs the next. */
static syncbn_status_t
time_calls(struct perf_bn_work *work, int mix, double *us)
{
	const struct perf_bn_options *options = work->options;
	uint64_t calls = options->iterations != 0 ? options->iterations : USUAL_CALLS;
	syncbn_status_t status = settle(work, mix);
	uint64_t start_ns;

	if (status == SYNCBN_OK)
		status = syncbn_barrier(work->group);
	start_ns = sbn_now_ns();
	if (status == SYNCBN_OK)
		status = run_calls(work, mix, calls);
	*us = (double)(sbn_now_ns() - start_ns) / 1e3 / (double)calls;
	return status == SYNCBN_OK ? perf_keep_slowest(work->group, us, 1) : status;
}

static syncbn_status_t
measure_rounds(struct perf_bn_work *work, double *us, struct row *row)
{
	size_t rounds = work->options->rounds;
	syncbn_status_t status = SYNCBN_OK;

	for (size_t round = 0; round < rounds; round++)
		for (int mix = 0; mix < MIXES && status == SYNCBN_OK; mix++)
			status = time_calls(work, mix, &us[(size_t)mix * rounds + round]);
	for (int mix = 0; mix < MIXES; mix++)
		row->us[mix] = perf_stats_of(us + (size_t)mix * rounds, rounds).p50;
	row->lost = row->us[BOTH] / (row->us[LAYER] + row->us[REGION]) - 1;
	return status;
}

static syncbn_status_t
measure_shape(const struct perf_bn_options *options, struct syncbn_group *group,
	      syncbn_group_t *alone, struct row *row)
{
	double *us = calloc(MIXES * options->rounds, sizeof(*us));
	struct perf_bn_work work;
	syncbn_status_t status;

	if (us == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%llu rounds",
				(unsigned long long)options->rounds);
	status = perf_bn_work_new(options, group, alone, row->shape, &work);
	if (status == SYNCBN_OK)
		status = measure_rounds(&work, us, row);
	perf_bn_work_free(&work);
	free(us);
	return status;
}

static void
print_head(const struct perf_bn_options *options, const struct perf_machine *machine,
	   uint32_t n_ranks)
{
	printf("# syncbn-perf %s bn %s alternating with OpenMP, %s, %s, %d thread%s each a rank, "
	       "%s\n",
	       SYNCBN_VERSION, perf_bn_op_names[options->op], perf_bn_layout_name(options->layout),
	       perf_bn_dtype_name(options->dtype), syncbn_threads(),
	       syncbn_threads() == 1 ? "" : "s",
	       sbn_process_get()->on_openmp ? "the layer's are OpenMP's" : "the layer's in a team");
	perf_print_machine(machine, n_ranks, syncbn_threads());
	printf("#%16s %10s %10s %10s %7s\n", "shape", "layer us", "region us", "both us", "lost");
	fflush(stdout);
}

static void
print_row(const struct row *row)
{
	char shape[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(row->shape, shape);
	printf(" %16s", shape);
	for (int mix = 0; mix < MIXES; mix++)
		perf_print_us(row->us[mix]);
	printf(" %+6.1f%%\n", 100 * row->lost);
	fflush(stdout);
}

static void
put_rows(struct perf_json *json, const void *context)
{
	const struct table *table = context;

	for (size_t i = 0; i < table->n_rows; i++) {
		const struct row *row = &table->rows[i];
		char shape[PERF_BN_SHAPE_BYTES], name[256];

		perf_bn_shape_print(row->shape, shape);
		snprintf(name, sizeof(name), "bn/openmp/%s/%s/%s",
			 perf_bn_op_names[table->options->op], shape,
			 sbn_process_get()->on_openmp ? "openmp" : "team");
		perf_json_open(json, NULL, '{');
		perf_json_run(json, name);
		perf_json_number(json, "real_time", row->us[BOTH]);
		perf_json_number(json, "cpu_time", row->us[BOTH]); /* waits spin */
		perf_json_text(json, "time_unit", "us");
		perf_json_number(json, "layer", row->us[LAYER]);
		perf_json_number(json, "region", row->us[REGION]);
		perf_json_number(json, "lost", row->lost);
		perf_json_close(json, '{');
	}
}

syncbn_status_t
perf_bn_openmp(const struct perf_bn_options *options, struct syncbn_group *group,
	       syncbn_group_t *alone, const struct perf_machine *machine)
{
	static struct table table;
	struct perf_bn_options hot = *options;
	syncbn_status_t status = SYNCBN_OK;

	if (!perf_openmp_is_there())
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"--openmp: syncbn-perf was built by a compiler without OpenMP");
	hot.places[PERF_BN_COLD] = hot.places[PERF_BN_HOT] = false; /* one buffer */
	table.options = options;
	if (group->rank == 0)
		print_head(options, machine, group->size);
	for (size_t i = 0; i < options->shapes.n && status == SYNCBN_OK; i++) {
		struct row *row = &table.rows[table.n_rows++];

		row->shape = &options->shapes.shape[i];
		status = measure_shape(&hot, group, alone, row);
		if (status == SYNCBN_OK && group->rank == 0)
			print_row(row);
	}
	if (status == SYNCBN_OK && group->rank == 0 && options->json != NULL)
		status = perf_json_file_write(options->json, machine, put_rows, &table);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The results of batch norms, for a file. */
#include "perf_bn_results.h"
#include "perf_json_file.h"

static void
put_name(struct perf_json *json, const struct perf_bn_table *table,
	 const struct perf_bn_result *row)
{
	const struct perf_bn_options *options = table->options;
	char shape[PERF_BN_SHAPE_BYTES], name[256];

	perf_bn_shape_print(row->shape, shape);
	snprintf(name, sizeof(name), "bn/%s/%s/%s/%s/%s/%s/ranks:%u/threads:%d",
		 perf_bn_op_names[options->op], shape, perf_bn_layout_name(options->layout),
		 perf_bn_dtype_name(options->dtype), perf_bn_act_names[options->act],
		 perf_bn_place_names[row->place], table->n_ranks, table->n_threads);
	perf_json_run(json, name);
	perf_json_text(json, "shape", shape);
	perf_json_text(json, "place", perf_bn_place_names[row->place]);
}

static void
put_variant(struct perf_json *json, const struct perf_bn_result *row, enum perf_bn_variant variant,
	    const char *name, const char *multiple)
{
	if (!row->there[variant])
		return;
	perf_json_number(json, name, row->us[variant].p50);
	perf_json_number(json, multiple, perf_bn_multiple(row, variant));
}

static void
put_phases(struct perf_json *json, const struct perf_bn_phases *phases)
{
	perf_json_open(json, "phases", '{');
	perf_json_number(json, "moments", phases->moments);
	perf_json_number(json, "exchange", phases->exchange);
	perf_json_number(json, "wait", phases->wait);
	perf_json_number(json, "normalize", phases->normalize);
	perf_json_close(json, '{');
}

static void
put_row(struct perf_json *json, const struct perf_bn_table *table, const struct perf_bn_result *row)
{
	const struct perf_stats *us = &row->us[PERF_BN_OURS];

	perf_json_open(json, NULL, '{');
	put_name(json, table, row);
	perf_json_count(json, "ranks", table->n_ranks);
	perf_json_count(json, "threads", (uint64_t)table->n_threads);
	perf_json_count(json, "bytes", row->bytes);
	perf_json_count(json, "iterations", row->calls);
	perf_json_times(json, us);
	/* it spins where it waits: the time on the wall is the time on the CPU */
	perf_json_number(json, "cpu_time", us->p50);
	perf_json_number(json, "algbw", perf_bn_bandwidth(row));
	put_variant(json, row, PERF_BN_FLOOR, "floor", "floor_multiple");
	put_variant(json, row, PERF_BN_READ_COPY, "read_copy", "read_copy_multiple");
	put_variant(json, row, PERF_BN_ALONE, "alone", "alone_multiple");
	put_variant(json, row, PERF_BN_APART, "apart", "apart_multiple");
	put_phases(json, &row->phases);
	perf_json_count(json, "wrong", row->wrong);
	perf_json_peers(json, us->p50, row->peers);
	perf_json_close(json, '{');
}

static void
put_rows(struct perf_json *json, const void *context)
{
	const struct perf_bn_table *table = context;

	for (size_t i = 0; i < table->n_rows; i++)
		put_row(json, table, &table->rows[i]);
}

syncbn_status_t
perf_bn_json_write(const char *path, const struct perf_bn_table *table)
{
	return perf_json_file_write(path, table->machine, put_rows, table);
}

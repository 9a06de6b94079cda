/* SPDX-License-Identifier: Apache-2.0 */
/* The results of the collectives, for a file. */
#include "perf_json_file.h"
#include "perf_results.h"

static void
put_name(struct perf_json *json, const struct perf_results *results, size_t bytes)
{
	const struct perf_options *options = results->options;
	char name[128];

	if (options->command == PERF_OVERLAP)
		snprintf(name, sizeof(name), "overlap/%zu/buckets:%llu/compute_us:%llu/ranks:%u",
			 bytes, (unsigned long long)options->n_buckets,
			 (unsigned long long)options->compute_us, results->n_ranks);
	else
		snprintf(name, sizeof(name), "%s%s%s%s%s%s/%zu/ranks:%u",
			 perf_command_names[options->command], options->arena ? "_arena" : "",
			 options->command == PERF_ALLREDUCE ? "/" : "",
			 options->command == PERF_ALLREDUCE ? perf_dtype_name(options->dtype) : "",
			 options->command == PERF_ALLREDUCE ? "/" : "",
			 options->command == PERF_ALLREDUCE ? perf_reduce_name(options->reduce) :
							      "",
			 bytes, results->n_ranks);
	perf_json_run(json, name);
}

static void
put_row(struct perf_json *json, const struct perf_results *results, const struct perf_result *row)
{
	perf_json_open(json, NULL, '{');
	put_name(json, results, row->bytes);
	perf_json_count(json, "ranks", results->n_ranks);
	perf_json_count(json, "bytes", row->bytes);
	perf_json_count(json, "iterations", row->calls);
	perf_json_times(json, &row->us);
	/* it spins where it waits: the time on the wall is the time on the CPU */
	perf_json_number(json, "cpu_time", row->us.p50);
	if (perf_algbw(results, row) > 0) {
		perf_json_number(json, "algbw", perf_algbw(results, row));
		perf_json_number(json, "busbw", perf_busbw(results, row));
	}
	if (results->options->command == PERF_OVERLAP) {
		perf_json_number(json, "blocking", row->beside_us);
		perf_json_number(json, "ratio", perf_beside(results, row));
	} else if (row->beside_us > 0) {
		perf_json_number(json, "floor", row->beside_us);
	}
	perf_json_trip(json, "line_round_trip_ns", row->trip.far_ns);
	perf_json_count(json, "wrong", row->wrong);
	perf_json_peers(json, row->us.p50, row->peers);
	perf_json_close(json, '{');
}

static void
put_results(struct perf_json *json, const void *context)
{
	const struct perf_results *results = context;

	for (size_t i = 0; i < results->n_rows; i++)
		put_row(json, results, &results->rows[i]);
}

syncbn_status_t
perf_json_write(const char *path, const struct perf_results *results)
{
	return perf_json_file_write(path, results->machine, put_results, results);
}

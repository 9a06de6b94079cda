/* SPDX-License-Identifier: Apache-2.0 */
/* The results in Google Benchmark's shape, with fields of our own beside its. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <syncbn/version.h>

#include "base/fail.h"
#include "perf_json.h"
#include "perf_results.h"

/* A file beside path that a rename can put in its place. Free *name. NULL with errno. */
static FILE *
open_beside(const char *path, char **name)
{
	if (asprintf(name, "%s.new.%ld", path, (long)getpid()) < 0) {
		*name = NULL;
		return NULL;
	}
	return fopen(*name, "wxe");
}

static syncbn_status_t
fail_to_write(const char *path)
{
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"--json %s cannot be written; name a file in a folder "
			"that can be",
			path);
}

syncbn_status_t
perf_json_probe(const char *path)
{
	struct stat info;
	char *name;
	FILE *file;

	/* a rename would put our file in the place of a device or a pipe */
	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
		return sbn_fail(SYNCBN_ERR_INVALID, "--json %s is not a regular file", path);
	file = open_beside(path, &name);
	if (file != NULL) {
		fclose(file);
		unlink(name);
	}
	free(name);
	return file != NULL ? SYNCBN_OK : fail_to_write(path);
}

static void
put_context(struct perf_json *json, const struct perf_results *results)
{
	const struct perf_machine *machine = results->machine;
	time_t now = time(NULL);
	char date[64] = "", host[256] = "";
	struct tm local;

	if (localtime_r(&now, &local) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S%z", &local);
	gethostname(host, sizeof(host) - 1);
	perf_json_open(json, "context", '{');
	perf_json_text(json, "date", date);
	perf_json_text(json, "host_name", host);
	perf_json_text(json, "executable", "syncbn-perf");
	perf_json_text(json, "library_version", SYNCBN_VERSION);
	perf_json_count(json, "num_cpus", machine->n_cpus);
	perf_json_text(json, "cpu", machine->cpu);
	perf_json_text(json, "places", machine->places);
	perf_json_text(json, "kernels", machine->isa);
	perf_json_number(json, "line_round_trip_near_ns", machine->near_ns);
	perf_json_number(json, "line_round_trip_far_ns", machine->far_ns);
	perf_json_close(json, '{');
}

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
	perf_json_text(json, "name", name);
	perf_json_text(json, "run_name", name);
	perf_json_text(json, "run_type", "iteration");
}

static void
put_times(struct perf_json *json, const struct perf_stats *us)
{
	perf_json_number(json, "real_time", us->p50);
	perf_json_text(json, "time_unit", "us");
	perf_json_number(json, "p90", us->p90);
	perf_json_number(json, "p99", us->p99);
}

static void
put_peers(struct perf_json *json, const struct perf_result *row)
{
	perf_json_open(json, "peers", '{');
	for (int i = 0; i < PERF_PEERS; i++) {
		const struct perf_peer_result *peer = &row->peers[i];

		if (!peer->there)
			continue;
		perf_json_open(json, perf_peer_names[i], '{');
		put_times(json, &peer->us);
		perf_json_number(json, "ratio", peer->us.p50 / row->us.p50);
		perf_json_count(json, "wrong", peer->wrong);
		perf_json_close(json, '{');
	}
	perf_json_close(json, '{');
}

static void
put_row(struct perf_json *json, const struct perf_results *results, const struct perf_result *row)
{
	perf_json_open(json, NULL, '{');
	put_name(json, results, row->bytes);
	perf_json_count(json, "ranks", results->n_ranks);
	perf_json_count(json, "bytes", row->bytes);
	perf_json_count(json, "iterations", row->calls);
	put_times(json, &row->us);
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
	perf_json_count(json, "wrong", row->wrong);
	put_peers(json, row);
	perf_json_close(json, '{');
}

static void
put_results(FILE *file, const struct perf_results *results)
{
	struct perf_json json = { .out = file };

	perf_json_open(&json, NULL, '{');
	put_context(&json, results);
	perf_json_open(&json, "benchmarks", '[');
	for (size_t i = 0; i < results->n_rows; i++)
		put_row(&json, results, &results->rows[i]);
	perf_json_close(&json, '[');
	perf_json_close(&json, '{');
}

syncbn_status_t
perf_json_write(const char *path, const struct perf_results *results)
{
	char *name;
	FILE *file = open_beside(path, &name);
	bool written = false;

	if (file != NULL) {
		put_results(file, results);
		written = ferror(file) == 0;
		written = fclose(file) == 0 && written && rename(name, path) == 0;
		if (!written)
			unlink(name);
	}
	free(name);
	return written ? SYNCBN_OK : fail_to_write(path);
}

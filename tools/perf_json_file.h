/* SPDX-License-Identifier: Apache-2.0 */
/* A file of results in Google Benchmark's shape, with fields of our own beside its. */
#ifndef SYNCBN_PERF_JSON_FILE_H
#define SYNCBN_PERF_JSON_FILE_H

#include <syncbn/status.h>

#include "perf_json.h"
#include "perf_print.h"

/* Writes the elements of "benchmarks". */
typedef void (*perf_json_rows_fn)(struct perf_json *json, const void *results);

/*
 * Whether the file can be written; SYSTEM or INVALID with the reason. "-": standard output. Of
 * several ranks the first one looks.
 */
syncbn_status_t perf_json_file_probe(const char *path);

/* Keeps "-" for the file: all that is printed from now on goes to standard error. */
syncbn_status_t perf_json_file_claim(const char *path);

/* The whole file or nothing. */
syncbn_status_t perf_json_file_write(const char *path, const struct perf_machine *machine,
				     perf_json_rows_fn rows, const void *results);

/* A round trip; null where no two ranks are on different CPUs. */
void perf_json_trip(struct perf_json *json, const char *name, double ns);

/*
 * Members of a row: the names of a run that is timed; real_time and percentiles; the peers,
 * [PERF_PEERS], with their ratios.
 */
void perf_json_run(struct perf_json *json, const char *name);
void perf_json_times(struct perf_json *json, const struct perf_stats *us);
void perf_json_peers(struct perf_json *json, double own_us, const struct perf_peer_result *peers);

#endif

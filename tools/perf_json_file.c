/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <syncbn/version.h>

#include "base/fail.h"
#include "base/file.h"
#include "launch/variables.h"
#include "perf_peer.h"
#include "perf_settings.h"
#include "shm/contract.h"

static FILE *standard_output; /* once it is kept for the file */

static bool
is_standard_output(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* Where fd leads: it would go on into the old file when that has been replaced. */
static bool
is_where(int fd, const struct stat *file)
{
	struct stat info;

	return fstat(fd, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino;
}

static syncbn_status_t
fail_to_write(const char *path)
{
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"--json %s cannot be written; name a file in a folder "
			"that can be",
			path);
}

static bool
is_rank_behind_the_first(void)
{
	const char *rank = getenv(SBN_ENV_RANK);

	return getenv(SBN_ENV_CONTRACT) != NULL && rank != NULL && strcmp(rank, "0") != 0;
}

static syncbn_status_t
check_existing(const char *path, const struct stat *info)
{
	if (!S_ISREG(info->st_mode))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--json %s is not a regular file; name another one, or - for "
				"standard output",
				path);
	if (is_where(STDOUT_FILENO, info) || is_where(STDERR_FILENO, info))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--json %s is where the table or the errors go; name another file, "
				"or - for standard output",
				path);
	return SYNCBN_OK;
}

syncbn_status_t
perf_json_file_probe(const char *path)
{
	syncbn_status_t status;
	struct stat info;

	if (is_standard_output(path) || is_rank_behind_the_first())
		return SYNCBN_OK;
	if (stat(path, &info) == 0) {
		status = check_existing(path, &info);
		if (status != SYNCBN_OK)
			return status;
	}
	return sbn_file_can_be_replaced(path) == SYNCBN_OK ? SYNCBN_OK : fail_to_write(path);
}

syncbn_status_t
perf_json_file_claim(const char *path)
{
	int fd;

	if (!is_standard_output(path))
		return SYNCBN_OK;
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	standard_output = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (standard_output == NULL || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "--json -: standard output cannot be kept");
	return SYNCBN_OK;
}

static void
put_settings(struct perf_json *json)
{
	const char *setting;
	size_t at = 0;

	perf_json_open(json, "settings", '{');
	while ((setting = perf_settings_next(&at)) != NULL) {
		size_t length = strcspn(setting, "=");
		char name[64];

		if (!sbn_variable_is_setting(setting))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, setting);
		perf_json_text(json, name, setting + length + 1);
	}
	perf_json_close(json, '{');
}

void
perf_json_trip(struct perf_json *json, const char *name, double ns)
{
	perf_json_number(json, name, ns > 0 ? ns : (double)NAN);
}

static void
put_context(struct perf_json *json, const struct perf_machine *machine)
{
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
	put_settings(json);
	perf_json_trip(json, "line_round_trip_min_ns", machine->trip.near_ns);
	perf_json_trip(json, "line_round_trip_max_ns", machine->trip.far_ns);
	perf_json_close(json, '{');
}

void
perf_json_run(struct perf_json *json, const char *name)
{
	perf_json_text(json, "name", name);
	perf_json_text(json, "run_name", name);
	perf_json_text(json, "run_type", "iteration");
}

void
perf_json_times(struct perf_json *json, const struct perf_stats *us)
{
	perf_json_number(json, "real_time", us->p50);
	perf_json_text(json, "time_unit", "us");
	perf_json_number(json, "p90", us->p90);
	perf_json_number(json, "p99", us->p99);
}

void
perf_json_peers(struct perf_json *json, double own_us, const struct perf_peer_result *peers)
{
	perf_json_open(json, "peers", '{');
	for (int i = 0; i < PERF_PEERS; i++) {
		const struct perf_peer_result *peer = &peers[i];

		if (!peer->there)
			continue;
		perf_json_open(json, perf_peer_names[i], '{');
		perf_json_times(json, &peer->us);
		perf_json_number(json, "ratio", peer->us.p50 / own_us);
		perf_json_count(json, "wrong", peer->wrong);
		perf_json_close(json, '{');
	}
	perf_json_close(json, '{');
}

static void
put_whole(FILE *file, const struct perf_machine *machine, perf_json_rows_fn rows,
	  const void *results)
{
	struct perf_json json = { .out = file };

	perf_json_open(&json, NULL, '{');
	put_context(&json, machine);
	perf_json_open(&json, "benchmarks", '[');
	rows(&json, results);
	perf_json_close(&json, '[');
	perf_json_close(&json, '{');
}

static syncbn_status_t
replace(const char *path, const struct perf_machine *machine, perf_json_rows_fn rows,
	const void *results)
{
	char *text = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);
	bool written = false;

	if (file != NULL) {
		put_whole(file, machine, rows, results);
		written = ferror(file) == 0;
		written = fclose(file) == 0 && written;
	}
	written = written && sbn_file_replace(path, text, n) == SYNCBN_OK;
	free(text);
	return written ? SYNCBN_OK : fail_to_write(path);
}

syncbn_status_t
perf_json_file_write(const char *path, const struct perf_machine *machine, perf_json_rows_fn rows,
		     const void *results)
{
	if (!is_standard_output(path))
		return replace(path, machine, rows, results);
	put_whole(standard_output, machine, rows, results);
	if (fflush(standard_output) != 0 || ferror(standard_output) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "--json -: standard output cannot be written");
	return SYNCBN_OK;
}

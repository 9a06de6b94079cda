/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the ranks as syncbn-run does: placed, bound, watched, and ended together. */
#include "perf_start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/math.h"
#include "launch/job.h"
#include "launch/other_runs.h"
#include "launch/plan.h"
#include "launch/spawn.h"
#include "launch/supervise.h"
#include "perf_end.h"
#include "platform/domains.h"
#include "platform/topology.h"

enum { GRACE_S = 5, NAME_BYTES = 64 };

static int
run_job(const struct sbn_options *options, const struct sbn_topology *topology,
	const struct sbn_plan *plan)
{
	struct sbn_job job;
	int start_failure, go_fd, code;
	syncbn_status_t status = sbn_job_open(options, topology, plan, 0, &job);

	if (status != SYNCBN_OK)
		return perf_tell(status);
	status = sbn_spawn_ranks(&job, &go_fd);
	if (status != SYNCBN_OK) {
		code = perf_tell(status);
	} else {
		sbn_spawn_release(&job, go_fd, &start_failure);
		if (start_failure != 0)
			perf_tell(SYNCBN_ERR_SYSTEM);
		code = sbn_supervise(&job, start_failure).exit_code;
	}
	sbn_job_close(&job);
	return code;
}

/* What would spoil every figure. */
static void
tell_other_run(const struct sbn_topology *topology, const struct sbn_plan *plan)
{
	struct sbn_other_run other;

	if (sbn_other_run_find(topology, plan, &other))
		fprintf(stderr,
			"syncbn-perf: domain %d is used by another run too, syncbn-run with pid "
			"%d: figures will be wrong; wait for its end\n",
			other.domain, (int)other.launcher);
}

/* What supervision reads here, too. */
static bool
is_for_supervision(const char *setting, size_t length)
{
	static const char name[] = "SYNCBN_RUN_NOTICE_MS";

	return length == sizeof(name) - 1 && strncmp(setting, name, length) == 0;
}

/* What syncbn-run reads, and nobody here. */
static void
tell_launcher_settings(void)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		const size_t length = strcspn(*entry, "=");

		if (strncmp(*entry, "SYNCBN_RUN_", 11) == 0 && (*entry)[length] == '=' &&
		    (*entry)[length + 1] != '\0' && !is_for_supervision(*entry, length))
			fprintf(stderr,
				"syncbn-perf: %.*s is read by syncbn-run only: start \"syncbn-run "
				"syncbn-perf ...\", or unset it\n",
				(int)SBN_MIN(length, (size_t)NAME_BYTES), *entry);
	}
}

static int
place_and_run(const struct sbn_options *options)
{
	struct sbn_topology topology;
	struct sbn_domains domains;
	struct sbn_plan plan;
	int code;
	syncbn_status_t status = sbn_topology_load(NULL, &topology);

	if (status != SYNCBN_OK)
		return perf_tell(status);
	status = sbn_domains_find(&topology, options->map, &domains);
	if (status == SYNCBN_OK) {
		status = sbn_plan_make(&topology, &domains, options->n_ranks,
				       options->oversubscribe, &plan);
		if (status == SYNCBN_OK) {
			tell_other_run(&topology, &plan);
			code = run_job(options, &topology, &plan);
			sbn_plan_free(&plan);
		} else {
			code = perf_tell(status);
		}
		sbn_domains_free(&domains);
	} else {
		code = perf_tell(status);
	}
	sbn_topology_free(&topology);
	return code;
}

int
perf_start(uint64_t n_ranks, bool oversubscribe, int argc, char **argv)
{
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char **program = calloc((size_t)argc + 2, sizeof(*program));
	struct sbn_options launch = {
		.n_ranks = (unsigned)n_ranks,
		.oversubscribe = oversubscribe,
		.grace_s = GRACE_S,
		.program = program,
	};
	int code = EXIT_FAILURE;

	tell_launcher_settings();
	if (program != NULL && length > 0) {
		own[length] = '\0';
		program[0] = own;
		memcpy(program + 1, argv, (size_t)argc * sizeof(*argv));
		code = place_and_run(&launch);
	} else {
		fputs("syncbn-perf: cannot start itself: /proc/self/exe cannot be read\n", stderr);
	}
	free(program);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* syncbn-run: one process of a program on each NUMA domain, bound, watched and ended together. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <syncbn/status.h>
#include <syncbn/version.h>

#include "base/fail.h"
#include "launch/job.h"
#include "launch/options.h"
#include "launch/plan.h"
#include "launch/report.h"
#include "launch/say.h"
#include "launch/spawn.h"
#include "launch/supervise.h"
#include "platform/domains.h"
#include "platform/topology.h"

/* Exit codes of the launcher's own; all others come from the ranks. */
enum { EXIT_OWN_FAILURE = 1, EXIT_USAGE = 2 };

struct placement {
	struct sbn_topology topology;
	struct sbn_domains domains;
	struct sbn_plan plan;
};

/* Where a standard descriptor is closed, the next file to be opened would take its number. */
static void
keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Says the last error. A wish that cannot be met is the user's to change. */
static int
tell(syncbn_status_t status)
{
	sbn_say("%s", sbn_last_error());
	return status == SYNCBN_ERR_INVALID ? EXIT_USAGE : EXIT_OWN_FAILURE;
}

static int
end_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	sbn_say("cannot write standard output: %s", strerror(errno));
	return EXIT_OWN_FAILURE;
}

static syncbn_status_t
find_placement(const struct sbn_options *options, struct placement *place)
{
	syncbn_status_t status;

	status = sbn_topology_load(options->topology, &place->topology);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_domains_find(&place->topology, options->map, &place->domains);
	if (status != SYNCBN_OK)
		goto out_topology;
	status = sbn_plan_make(&place->topology, &place->domains, options->n_ranks,
			       options->oversubscribe, &place->plan);
	if (status == SYNCBN_OK)
		return SYNCBN_OK;
	sbn_domains_free(&place->domains);
out_topology:
	sbn_topology_free(&place->topology);
	return status;
}

static void
free_placement(struct placement *place)
{
	sbn_plan_free(&place->plan);
	sbn_domains_free(&place->domains);
	sbn_topology_free(&place->topology);
}

/* The one line that every run says, and what --report and --dry-run ask for. */
static syncbn_status_t
report(const struct sbn_options *options, const struct placement *place, bool memory_refused)
{
	const struct sbn_report what = { .domains = &place->domains, .plan = &place->plan,
					 .mem = options->mem, .memory_refused = memory_refused };
	syncbn_status_t status;
	char threads[256];
	char *line;

	status = sbn_report_line(&what, &line);
	if (status != SYNCBN_OK)
		return status;
	sbn_say("%s", line);
	free(line);
	if ((options->dry_run || options->report) &&
	    sbn_report_threads(&place->plan, getenv("OMP_NUM_THREADS"), threads, sizeof(threads)))
		sbn_say("%s", threads);
	if (options->json)
		return sbn_report_json(&what, stdout);
	/* the ranks' standard output is theirs alone */
	if (options->dry_run || options->report)
		return sbn_report_table(&what, options->dry_run ? stdout : stderr);
	return SYNCBN_OK;
}

static int
dry_run(const struct sbn_options *options, const struct placement *place)
{
	syncbn_status_t status = report(options, place, false);

	return status == SYNCBN_OK ? end_stdout() : tell(status);
}

/* The ranks are bound and wait: says so, lets them go and watches them to their end. */
static int
watch(const struct sbn_options *options, const struct placement *place, struct sbn_job *job,
      int go_fd)
{
	syncbn_status_t status = report(options, place, job->memory_refused);
	int code = status == SYNCBN_OK ? end_stdout() : tell(status);
	int start_failure;

	if (code != EXIT_SUCCESS) {
		sbn_spawn_cancel(job, go_fd);
		return code;
	}
	sbn_spawn_release(job, go_fd, &start_failure);
	if (start_failure != 0)
		sbn_say("%s", sbn_last_error());
	return sbn_supervise(job, start_failure);
}

static int
run(const struct sbn_options *options, const struct placement *place)
{
	struct sbn_job job;
	syncbn_status_t status;
	int go_fd;
	int code;

	status = sbn_job_open(options, &place->topology, &place->plan, &job);
	if (status != SYNCBN_OK)
		return tell(status);
	status = sbn_spawn_ranks(&job, &go_fd);
	code = status == SYNCBN_OK ? watch(options, place, &job, go_fd) : tell(status);
	sbn_job_close(&job);
	return code;
}

int
main(int argc, char **argv)
{
	struct sbn_options options;
	struct placement place;
	syncbn_status_t status;
	int code;

	keep_standard_descriptors();
	status = sbn_options_parse(argc, argv, &options);
	if (status != SYNCBN_OK)
		return tell(status);
	if (options.help || options.version) {
		fputs(options.help ? sbn_options_help : "syncbn-run " SYNCBN_VERSION "\n", stdout);
		return end_stdout();
	}
	status = find_placement(&options, &place);
	if (status != SYNCBN_OK)
		return tell(status);
	code = options.dry_run ? dry_run(&options, &place) : run(&options, &place);
	free_placement(&place);
	return code;
}

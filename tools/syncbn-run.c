/* SPDX-License-Identifier: Apache-2.0 */
/* syncbn-run: one process of a program on each NUMA domain, bound, watched and ended together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <syncbn/status.h>
#include <syncbn/version.h>

#include "base/fail.h"
#include "launch/adopted.h"
#include "launch/descriptors.h"
#include "launch/job.h"
#include "launch/option_table.h"
#include "launch/options.h"
#include "launch/other_runs.h"
#include "launch/picture.h"
#include "launch/placement.h"
#include "launch/report.h"
#include "launch/say.h"
#include "launch/spawn.h"
#include "launch/supervise.h"
#include "launch/unwind.h"
#include "launch/variables.h"

/* Exit codes of the launcher's own; all others come from the ranks. */
enum { EXIT_OWN_FAILURE = 1, EXIT_USAGE = 2, SAY_BYTES = 1024 };

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

static void
tell_other_run(const struct sbn_placement *place)
{
	struct sbn_other_run other;

	if (sbn_other_run_find(&place->topology, &place->plan, &other))
		sbn_say("domain %d is used by another run too, syncbn-run with pid %d: both will "
			"be slow; %s--shared silences this",
			other.domain, (int)other.launcher,
			place->plan.n_domains > 1 ? "--domains chooses others, " : "");
}

/* The one line that every run says, and what --report, --dry-run and --svg ask for. */
static syncbn_status_t
report(const struct sbn_options *options, const struct sbn_placement *place, enum sbn_memory memory)
{
	const struct sbn_report what = { .domains = &place->domains,
					 .plan = &place->plan,
					 .mem = options->mem,
					 .memory = memory,
					 .unbound = options->bind == SBN_BIND_NONE,
					 .mixed_cores = place->mixed_cores };
	syncbn_status_t status;
	char line[SAY_BYTES];
	char *head;

	status = sbn_report_line(&what, &head);
	if (status != SYNCBN_OK)
		return status;
	sbn_say("%s", head);
	free(head);
	if (!options->shared)
		tell_other_run(place);
	if ((options->dry_run || options->report) &&
	    sbn_report_threads(&place->plan, getenv("OMP_NUM_THREADS"), line, sizeof(line)))
		sbn_say("%s", line);
	if (options->svg != NULL)
		status = sbn_picture_save(&place->topology, &what, options->svg);
	if (status == SYNCBN_OK && options->json)
		return sbn_report_json(&what, stdout);
	/* the ranks' standard output is theirs alone */
	if (status == SYNCBN_OK && (options->dry_run || options->report))
		return sbn_report_table(&what, options->dry_run ? stdout : stderr);
	return status;
}

static int
dry_run(const struct sbn_options *options, const struct sbn_placement *place)
{
	syncbn_status_t status = report(options, place, SBN_MEMORY_AS_ASKED);

	return status == SYNCBN_OK ? end_stdout() : tell(status);
}

/* The ranks are bound and wait: says so once, lets them go and watches them to their end. */
static struct sbn_outcome
watch(const struct sbn_options *options, const struct sbn_placement *place, struct sbn_job *job,
      int go_fd)
{
	struct sbn_outcome outcome = { .exit_code = EXIT_SUCCESS };
	syncbn_status_t status;
	int start_failure;

	if (job->restarts == 0) {
		status = report(options, place, job->memory);
		outcome.exit_code = status == SYNCBN_OK ? end_stdout() : tell(status);
	}
	if (outcome.exit_code != EXIT_SUCCESS) {
		sbn_spawn_cancel(job, go_fd);
		return outcome;
	}
	sbn_spawn_release(job, go_fd, &start_failure);
	if (start_failure != 0)
		sbn_say("%s", sbn_last_error());
	return sbn_supervise(job, start_failure);
}

static struct sbn_outcome
run_once(const struct sbn_options *options, const struct sbn_placement *place,
	 const struct sbn_allocator *allocator, unsigned restarts)
{
	struct sbn_outcome outcome = { .again = false };
	struct sbn_job job;
	syncbn_status_t status;
	int go_fd;

	status = sbn_job_open(options, &place->topology, &place->plan, restarts, &job);
	if (status != SYNCBN_OK) {
		outcome.exit_code = tell(status);
		return outcome;
	}
	job.allocator = allocator;
	status = sbn_spawn_ranks(&job, &go_fd);
	if (status == SYNCBN_OK)
		outcome = watch(options, place, &job, go_fd);
	else
		outcome.exit_code = tell(status);
	sbn_job_close(&job);
	return outcome;
}

/* Starts the ranks, and again after a rank's failure as often as --max-restarts allows. */
static int
run(const struct sbn_options *options, const struct sbn_placement *place,
    const struct sbn_allocator *allocator)
{
	struct sbn_outcome outcome = run_once(options, place, allocator, 0);

	for (unsigned restarts = 1; outcome.again && restarts <= options->max_restarts;
	     restarts++) {
		sbn_say("starting all ranks again, restart %u of %u, after %s", restarts,
			options->max_restarts, outcome.reason);
		outcome = run_once(options, place, allocator, restarts);
	}
	return outcome.exit_code;
}

/* Another launcher's rank: joins its peers' segment and becomes the program. */
static int
become_rank(const struct sbn_options *options, const struct sbn_adoption *adoption,
	    const struct sbn_allocator *allocator)
{
	char line[SAY_BYTES];
	int code = EXIT_OWN_FAILURE;
	syncbn_status_t status = sbn_adopted_check(options, adoption);

	if (status == SYNCBN_OK && (adoption->rank == 0 || options->report)) {
		status = sbn_adopted_tell(adoption, line, sizeof(line));
		if (status == SYNCBN_OK)
			sbn_say("%s", line);
	}
	if (adoption->rank == 0 &&
	    sbn_adopted_without_effect(options, adoption, line, sizeof(line)))
		sbn_say("%s", line);
	if (status == SYNCBN_OK)
		status = sbn_adopted_exec(options, adoption, allocator, &code);
	tell(status);
	return status == SYNCBN_ERR_INVALID && code == EXIT_OWN_FAILURE ? EXIT_USAGE : code;
}

static int
place_ranks(const struct sbn_options *options, const struct sbn_allocator *allocator)
{
	struct sbn_placement place;
	syncbn_status_t status = sbn_placement_make(options, &place);
	int code;

	if (status != SYNCBN_OK)
		return tell(status);
	code = options->dry_run ? dry_run(options, &place) : run(options, &place, allocator);
	sbn_placement_free(&place);
	return code;
}

/* A misspelt setting must not pass in silence; but a program may have variables of its own. */
static void
tell_unread_variables(void)
{
	const char *entry;
	size_t at = 0;

	while ((entry = sbn_variables_next(environ, &at)) != NULL)
		if (!sbn_variable_is_setting(entry)) {
			const struct sbn_unread_variable unread = sbn_variable_unread(entry);

			sbn_say("%s is set, which nothing reads%s", unread.name, unread.hint);
		}
}

static int
start(const struct sbn_options *options)
{
	struct sbn_adoption adoption = { .launcher = NULL };
	struct sbn_allocator allocator;
	syncbn_status_t status = SYNCBN_OK;

	/* a dry run starts nothing, so nobody is to be adopted either */
	if (!options->no_adopt && !options->dry_run)
		status = sbn_adopt_find(&adoption);
	if (status == SYNCBN_OK)
		status = sbn_allocator_find(options->malloc, &allocator);
	if (status != SYNCBN_OK)
		return tell(status);
	if (adoption.rank == 0)
		tell_unread_variables();
	if (adoption.launcher != NULL)
		return become_rank(options, &adoption, &allocator);
	return place_ranks(options, &allocator);
}

int
main(int argc, char **argv)
{
	struct sbn_options options;
	syncbn_status_t status;
	int code;

	sbn_keep_standard_descriptors();
	status = sbn_options_parse(argc, argv, &options);
	if (status != SYNCBN_OK) {
		code = tell(status);
	} else if (options.help || options.version) {
		if (options.help)
			sbn_option_help(stdout);
		else
			printf("syncbn-run %s, %s\n", SYNCBN_VERSION,
			       sbn_unwind_is_built_in ? "with stacks" : "without stacks (libdw)");
		code = end_stdout();
	} else {
		code = start(&options);
	}
	sbn_options_free(&options);
	return code;
}

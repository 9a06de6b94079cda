/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "launch/job.h"
#include "launch/plan.h"
#include "launch/spawn.h"
#include "launch/supervise.h"
#include "platform/domains.h"
#include "platform/topology.h"

/* How long a rank waits for its peers before it gives a case up. */
#define TIMEOUT_S 30

struct machine {
	struct sbn_topology topology;
	struct sbn_domains domains;
};

/* ---- one run ---- */

static syncbn_status_t
run_job(const struct sbn_options *options, const struct machine *machine,
	const struct sbn_plan *plan, int *code)
{
	struct sbn_job job;
	syncbn_status_t status = sbn_job_open(options, &machine->topology, plan, 0, &job);
	int go_fd, start_failure;

	if (status != SYNCBN_OK)
		return status;
	status = sbn_spawn_ranks(&job, &go_fd);
	if (status == SYNCBN_OK) {
		sbn_spawn_release(&job, go_fd, &start_failure);
		*code = sbn_supervise(&job, start_failure).exit_code;
	}
	sbn_job_close(&job);
	return status;
}

/* This program with so many ranks; *code: the launcher's exit code. */
static syncbn_status_t
run_ranks(const struct machine *machine, int world, int board_fd, int *code)
{
	char number[16];
	char *program[] = { "/proc/self/exe", "--rank", number, NULL };
	struct sbn_options options = { .n_ranks = (unsigned)world,
				       .oversubscribe = true,
				       .timeout_s = TIMEOUT_S,
				       .grace_s = 5,
				       .program = program };
	struct sbn_plan plan;
	syncbn_status_t status;

	snprintf(number, sizeof(number), "%d", board_fd);
	status = sbn_plan_make(&machine->topology, &machine->domains, options.n_ranks, true, &plan);
	if (status != SYNCBN_OK)
		return status;
	status = run_job(&options, machine, &plan, code);
	sbn_plan_free(&plan);
	return status;
}

/* ---- what is left to do ---- */

static bool
all_finished(const struct golden_entry *entry)
{
	for (int rank = 0; rank < entry->world; rank++)
		if (!entry->mark[rank].finished)
			return false;
	return true;
}

static bool
any_begun(const struct golden_entry *entry)
{
	for (int rank = 0; rank < entry->world; rank++)
		if (entry->mark[rank].begun)
			return true;
	return false;
}

/* Entries of this world that have not come to their end: wanted again, with clean marks. */
static uint32_t
want_rest(struct golden_board *board, int world)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < board->n; i++) {
		struct golden_entry *entry = &board->entry[i];

		entry->wanted = entry->world == world && !all_finished(entry);
		if (!entry->wanted)
			continue;
		memset(entry->mark, 0, sizeof(entry->mark));
		n++;
	}
	return n;
}

/* Ends an entry that did not come to its end. A rank that knows why has said so already. */
static void
end_entry(struct golden_entry *entry, int code)
{
	bool begun = any_begun(entry);
	bool told = false;

	for (int rank = 0; rank < entry->world; rank++) {
		told |= entry->mark[rank].failed;
		entry->mark[rank].finished = true;
	}
	if (!told)
		golden_mark_fail(&entry->mark[0], "it %s; the run ended with exit %d",
				 begun ? "did not come to its end" : "could not begin", code);
}

/*
 * A run has ended: the first case that did not come to its end is the one that ended it. Where
 * none had begun, the first one stands for a run that could not begin.
 */
static void
blame_first(struct golden_board *board, int code)
{
	for (uint32_t i = 0; i < board->n; i++) {
		struct golden_entry *entry = &board->entry[i];

		if (!entry->wanted || all_finished(entry))
			continue;
		end_entry(entry, code);
		return;
	}
}

static bool
is_interruption(int code)
{
	return code == 128 + SIGINT || code == 128 + SIGTERM || code == 128 + SIGHUP ||
	       code == 128 + SIGQUIT;
}

static syncbn_status_t
run_world(const struct machine *machine, struct golden_board *board, int board_fd, int world,
	  bool *interrupted)
{
	while (want_rest(board, world) > 0) {
		int code = 0;
		syncbn_status_t status = run_ranks(machine, world, board_fd, &code);

		if (status != SYNCBN_OK)
			return status;
		*interrupted = is_interruption(code);
		if (*interrupted)
			return SYNCBN_OK;
		blame_first(board, code);
	}
	return SYNCBN_OK;
}

syncbn_status_t
golden_run(struct golden_board *board, int board_fd, bool *interrupted)
{
	struct machine machine;
	syncbn_status_t status;

	*interrupted = false;
	status = sbn_topology_load(NULL, &machine.topology);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_domains_find(&machine.topology, SBN_MAP_NUMA, &machine.domains);
	for (int world = 1; world <= GOLDEN_RANKS && status == SYNCBN_OK && !*interrupted; world++)
		status = run_world(&machine, board, board_fd, world, interrupted);
	sbn_domains_free(&machine.domains);
	sbn_topology_free(&machine.topology);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/adopted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hwloc.h>

#include "base/fail.h"
#include "base/math.h"
#include "launch/exec_failure.h"
#include "launch/launch_env.h"
#include "launch/meet.h"
#include "launch/text.h"
#include "platform/topology.h"

/* how long ranks wait for each other's launchers; a large job's may start seconds apart */
static const double meet_s = 60;

syncbn_status_t
sbn_adopted_check(const struct sbn_options *options, const struct sbn_adoption *adoption)
{
	if (options->n_ranks == 0 || options->n_ranks == adoption->world_size)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"-n %u: %s has started %" PRIu32 " ranks (%s); leave -n out, or give "
			"--no-adopt to start ranks within each",
			options->n_ranks, adoption->launcher, adoption->world_size,
			adoption->variable);
}

/* *own: this process may run on some of the machine's CPUs only, so they are thought for it. */
static syncbn_status_t
find_cores(unsigned *n_cores, bool *own, char **cpus)
{
	struct sbn_topology topology;
	hwloc_obj_t core = NULL;
	syncbn_status_t status = sbn_topology_load(NULL, &topology);

	*n_cores = 0;
	if (status != SYNCBN_OK)
		return status;
	while ((core = sbn_core_next(&topology, topology.allowed, core)) != NULL)
		++*n_cores;
	*own = !hwloc_bitmap_isequal(topology.allowed,
				     hwloc_topology_get_allowed_cpuset(topology.hwloc));
	if (cpus != NULL && hwloc_bitmap_list_asprintf(cpus, topology.allowed) < 0)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of CPUs");
	sbn_topology_free(&topology);
	return status;
}

syncbn_status_t
sbn_adopted_tell(const struct sbn_adoption *adoption, char *line, size_t bytes)
{
	char *cpus = NULL;
	unsigned n_cores;
	bool own;
	syncbn_status_t status = find_cores(&n_cores, &own, &cpus);

	if (status == SYNCBN_OK)
		snprintf(line, bytes,
			 "rank %" PRIu32 " of %" PRIu32 " of %s (%s is %" PRIu32
			 "): its placement is kept: %sCPUs %s; --no-adopt starts ranks here",
			 adoption->rank, adoption->world_size, adoption->launcher,
			 adoption->variable, adoption->world_size, own ? "" : "not bound, all ",
			 cpus);
	free(cpus);
	return status;
}

bool
sbn_adopted_without_effect(const struct sbn_options *options, const struct sbn_adoption *adoption,
			   char *line, size_t bytes)
{
	const struct {
		bool given;
		const char *name;
	} idle[] = {
		{ options->json, "--json" },
		{ options->svg != NULL, "--svg" },
		{ options->grace_s != SBN_DEFAULT_GRACE_S, "--grace" },
		{ options->hang_report_s > 0, "--hang-report" },
		{ options->max_restarts > 0, "--max-restarts" },
		{ options->input != SBN_INPUT_AUTO, "--stdin" },
		{ options->tag, "--tag" },
		{ options->timestamps, "--timestamps" },
		{ options->output != NULL, "--output" },
		{ options->quiet_ranks != NULL, "--quiet-ranks" },
	};
	struct sbn_text names = { .used = 0 };

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (idle[i].given)
			sbn_text_append(&names, " %s", idle[i].name);
	snprintf(line, bytes, "%s watches the ranks and carries their output: without effect:%s",
		 adoption->launcher, names.data);
	return names.used > 0;
}

static syncbn_status_t
environment(const struct sbn_options *options, const struct sbn_adoption *adoption,
	    const struct sbn_allocator *allocator, const struct sbn_meeting *meeting, char ***env)
{
	struct sbn_launch_env wanted = {
		.rank = adoption->rank,
		.world_size = adoption->world_size,
		.segment_fd = meeting->segment_fd,
		.run_id = { meeting->run_id[0], meeting->run_id[1] },
		.mem = options->mem,
		.timeout_s = options->timeout_s,
		.master_port = meeting->master_port,
		.allocator = allocator,
	};
	bool own;
	syncbn_status_t status = find_cores(&wanted.n_cores, &own, NULL);

	if (status != SYNCBN_OK)
		return status;
	if (!own) /* all ranks have all of the cores */
		wanted.n_cores /= adoption->world_size;
	wanted.n_cores = SBN_MAX(wanted.n_cores, 1);
	*env = sbn_launch_env_new(&wanted, environ);
	if (*env == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the environment of rank %" PRIu32,
				adoption->rank);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_adopted_exec(const struct sbn_options *options, const struct sbn_adoption *adoption,
		 const struct sbn_allocator *allocator, int *code)
{
	struct sbn_meeting meeting;
	syncbn_status_t status = sbn_meet(adoption, meet_s, &meeting);
	char **env = NULL;

	*code = 1;
	if (status != SYNCBN_OK)
		return status;
	status = environment(options, adoption, allocator, &meeting, &env);
	if (status == SYNCBN_OK && fcntl(meeting.segment_fd, F_SETFD, 0) != 0)
		status =
			sbn_fail(SYNCBN_ERR_SYSTEM, "the segment of rank %" PRIu32, adoption->rank);
	if (status == SYNCBN_OK) {
		execvpe(options->program[0], options->program, env);
		*code = sbn_exec_failure(options->program[0], errno);
		status = SYNCBN_ERR_INVALID;
	}
	sbn_launch_env_free(env);
	close(meeting.segment_fd);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/parse.h"
#include "launch/proc.h"
#include "shm/contract.h"
#include "shm/layout.h"

/* What a launcher tells its ranks. */
struct launcher {
	const char *name;
	const char *world_size; /* above 1: it started us */
	const char *beside;     /* and this is set, too; NULL: nothing else is needed */
	const char *rank;
	const char *local_size; /* ranks on this host */
	const char *nodes;      /* or: the number of hosts */
	const char *job[3];     /* together they name the job */
	const char *daemon;     /* else the ancestor of this name does; NULL: the parent does */
};

static const struct launcher launchers[] = {
	{ "Open MPI's mpirun",
	  "OMPI_COMM_WORLD_SIZE",
	  NULL,
	  "OMPI_COMM_WORLD_RANK",
	  "OMPI_COMM_WORLD_LOCAL_SIZE",
	  NULL,
	  { "PMIX_NAMESPACE", "PMIX_SERVER_TMPDIR" },
	  NULL },
	{ "srun",
	  "SLURM_STEP_NUM_TASKS",
	  NULL,
	  "SLURM_PROCID",
	  NULL,
	  "SLURM_STEP_NUM_NODES",
	  { "SLURM_JOB_ID", "SLURM_STEP_ID" },
	  NULL },
	{ "MPICH's mpirun",
	  "PMI_SIZE",
	  NULL,
	  "PMI_RANK",
	  "MPI_LOCALNRANKS",
	  NULL,
	  { NULL },
	  "hydra_pmi_proxy" },
	{ "torchrun",
	  "LOCAL_WORLD_SIZE",
	  "LOCAL_RANK",
	  "RANK",
	  "LOCAL_WORLD_SIZE",
	  NULL,
	  { "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT" },
	  NULL },
};

enum { N_LAUNCHERS = sizeof(launchers) / sizeof(launchers[0]), MAX_DEPTH = 16 };

static bool
has_started_us(const struct launcher *launcher)
{
	const char *size = getenv(launcher->world_size);

	return size != NULL && strtol(size, NULL, 10) > 1 &&
	       (launcher->beside == NULL || getenv(launcher->beside) != NULL);
}

static syncbn_status_t
read_number(const struct launcher *launcher, const char *name, int64_t max, uint32_t *out)
{
	const char *text = getenv(name);
	int64_t number = 0;
	syncbn_status_t status;

	if (text == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s is set, as by %s, but %s is not; --no-adopt starts ranks here",
				launcher->world_size, launcher->name, name);
	status = sbn_parse_int(name, text, 0, max, &number);
	*out = (uint32_t)number;
	return status;
}

/* The ancestor that started all ranks of this host. */
static pid_t
find_daemon(const char *name)
{
	struct sbn_proc_stat stat;
	pid_t pid = getppid();
	char found[32];

	for (int i = 0; i < MAX_DEPTH && name != NULL && pid > 1; i++) {
		if (sbn_proc_name(pid, found, sizeof(found)) && strcmp(found, name) == 0)
			return pid;
		if (!sbn_proc_stat(pid, &stat))
			break;
		pid = stat.parent;
	}
	return getppid();
}

static void
name_job(const struct launcher *launcher, char *job, size_t bytes)
{
	size_t used = (size_t)snprintf(job, bytes, "%s %u", launcher->name, (unsigned)getuid());
	bool named = false;

	for (size_t i = 0; i < 3 && launcher->job[i] != NULL; i++) {
		const char *text = getenv(launcher->job[i]);

		if (text == NULL || used >= bytes)
			continue;
		used += (size_t)snprintf(job + used, bytes - used, " %s", text);
		named = true;
	}
	if (!named && used < bytes)
		snprintf(job + used, bytes - used, " %d", (int)find_daemon(launcher->daemon));
}

static syncbn_status_t
check_one_host(const struct launcher *launcher, uint32_t world_size)
{
	const char *name = launcher->local_size != NULL ? launcher->local_size : launcher->nodes;
	const char *text = getenv(name);
	uint32_t here = 0;
	syncbn_status_t status;

	/* older ones do not say it; then the ranks find each other, or the wait for them ends */
	if (text == NULL)
		return SYNCBN_OK;
	status = read_number(launcher, name, UINT32_MAX, &here);
	if (status != SYNCBN_OK || here == (launcher->local_size != NULL ? world_size : 1))
		return status;
	return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
			"%s runs %" PRIu32 " ranks, but %s is %s: ranks on several hosts cannot "
			"exchange yet; run them on one, or give --no-adopt",
			launcher->name, world_size, name, text);
}

static syncbn_status_t
read_launcher(const struct launcher *launcher, struct sbn_adoption *adoption)
{
	/* torchrun's number of all ranks; its local one told us that it is there */
	const char *world = launcher->beside != NULL ? "WORLD_SIZE" : launcher->world_size;
	syncbn_status_t status;

	status = read_number(launcher, world, SBN_MAX_RANKS, &adoption->world_size);
	if (status == SYNCBN_OK)
		status = check_one_host(launcher, adoption->world_size);
	if (status == SYNCBN_OK)
		status = read_number(launcher, launcher->rank, (int64_t)adoption->world_size - 1,
				     &adoption->rank);
	if (status != SYNCBN_OK)
		return status;
	adoption->launcher = launcher->name;
	adoption->variable = launcher->world_size;
	name_job(launcher, adoption->job, sizeof(adoption->job));
	return SYNCBN_OK;
}

syncbn_status_t
sbn_adopt_find(struct sbn_adoption *adoption)
{
	*adoption = (struct sbn_adoption){ .launcher = NULL };
	/* a rank of ours has all those variables, inherited or from us */
	if (getenv(SBN_ENV_CONTRACT) != NULL)
		return SYNCBN_OK;
	for (size_t i = 0; i < N_LAUNCHERS; i++)
		if (has_started_us(&launchers[i]))
			return read_launcher(&launchers[i], adoption);
	return SYNCBN_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of a rank: the launcher's own, and
 *
 *	always set, as an inherited value would be another run's, or the same for all ranks:
 *		SYNCBN_CONTRACT, SYNCBN_RANK, SYNCBN_WORLD_SIZE, SYNCBN_SEGMENT_FD, SYNCBN_RUN_ID,
 *		SYNCBN_MEM (shm/contract.h)
 *		RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, GROUP_RANK (0), RANK_ID, RANK_SIZE,
 *		MS_WORKER_NUM
 *		SYNCBN_RESTART_COUNT, for the program: the library does not look at it
 *	set when --timeout was given: SYNCBN_TIMEOUT, in seconds
 *	set unless the caller has chosen a value:
 *		MASTER_ADDR (127.0.0.1), MASTER_PORT (a free one each run, also within another run),
 *		OMP_NUM_THREADS (the rank's cores); where ranks share processing units
 *		OMP_WAIT_POLICY (passive: idle threads would spin where a peer waits to run);
 *		with --malloc tuned MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_,
 *		MALLOC_ARENA_MAX
 *	begun with the allocator's library, when --malloc names one: LD_PRELOAD
 *
 * Never OMP_PROC_BIND or GOMP_CPU_AFFINITY: with them the main thread's mask shrinks to one CPU,
 * and every process that a rank forks inherits it.
 */
#ifndef SBN_LAUNCH_LAUNCH_ENV_H
#define SBN_LAUNCH_LAUNCH_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "launch/allocator.h"
#include "platform/binding.h"

struct sbn_launch_env {
	uint32_t rank;
	uint32_t world_size;
	unsigned n_cores;
	bool oversubscribed; /* ranks share processing units */
	int segment_fd;
	uint64_t run_id[2];
	enum sbn_mem mem;
	double timeout_s;                      /* 0: not given */
	unsigned restarts;                     /* before this start */
	uint16_t master_port;                  /* 0: none; MASTER_PORT is left alone */
	const struct sbn_allocator *allocator; /* NULL: the program's own */
};

/* The rank's environment, NULL at its end; NULL without memory. `inherited` as environ. */
char **sbn_launch_env_new(const struct sbn_launch_env *wanted, char *const *inherited);

void sbn_launch_env_free(char **env);

/* A TCP port that is free on the loopback interface now; 0 where there is none. */
uint16_t sbn_launch_free_port(void);

#endif

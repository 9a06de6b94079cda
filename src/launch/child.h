/* SPDX-License-Identifier: Apache-2.0 */
/* A rank between fork and exec. */
#ifndef SBN_LAUNCH_CHILD_H
#define SBN_LAUNCH_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launch/job.h"

enum sbn_child_stage {
	SBN_CHILD_BOUND,   /* ready to call exec when told to */
	SBN_CHILD_UNBOUND, /* it could not be prepared; detail says why */
	SBN_CHILD_NO_EXEC  /* error is exec's errno */
};

/* What the child writes, at most twice; exec closes the pipe. */
struct sbn_child_report {
	int32_t stage;
	int32_t error;
	int32_t memory; /* enum sbn_memory */
	char detail[512];
};

struct sbn_child {
	const struct sbn_job *job;
	uint32_t rank;
	pid_t launcher;
	int report_fd;
	int go_fd;    /* a byte: call exec; end of file: end */
	int go_write; /* the launcher's end of it */
	char **env;
};

_Noreturn void sbn_child_start(const struct sbn_child *child);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under mpirun, srun or torchrun this process is one rank already, and was placed: it is adopted,
 * neither bound nor multiplied. A launcher counts only if it started this very process as one of
 * several: a Slurm batch shell, which has SLURM_NTASKS and no step, was not.
 */
#ifndef SBN_LAUNCH_ADOPT_H
#define SBN_LAUNCH_ADOPT_H

#include <stdint.h>

#include <syncbn/status.h>

struct sbn_adoption {
	const char *launcher; /* NULL: nobody's; this launcher places its own ranks */
	const char *variable; /* that told it */
	uint32_t rank;
	uint32_t world_size;
	char job[256]; /* the same for all ranks of a job, and for no other job */
};

/*
 * Reads the environment. UNSUPPORTED: some of the ranks are on other hosts. INVALID: a variable of
 * that launcher is missing or no number.
 */
syncbn_status_t sbn_adopt_find(struct sbn_adoption *adoption);

#endif

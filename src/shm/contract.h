/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher tells a rank through its environment. Written by src/launch, read by src/comm:
 *
 *	SYNCBN_CONTRACT    "1": the version of this list
 *	SYNCBN_RANK        0 to SYNCBN_WORLD_SIZE - 1
 *	SYNCBN_WORLD_SIZE
 *	SYNCBN_SEGMENT_FD  the inherited descriptor of the segment
 *	SYNCBN_RUN_ID      32 hexadecimal digits
 *	SYNCBN_MEM         a word of --mem: how the rank places shared memory
 */
#ifndef SBN_SHM_CONTRACT_H
#define SBN_SHM_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#define SBN_CONTRACT_VERSION "1"
#define SBN_ENV_CONTRACT "SYNCBN_CONTRACT"
#define SBN_ENV_RANK "SYNCBN_RANK"
#define SBN_ENV_WORLD_SIZE "SYNCBN_WORLD_SIZE"
#define SBN_ENV_SEGMENT_FD "SYNCBN_SEGMENT_FD"
#define SBN_ENV_RUN_ID "SYNCBN_RUN_ID"
#define SBN_ENV_MEM "SYNCBN_MEM"

struct sbn_contract {
	bool present; /* false: not started by the launcher */
	uint32_t rank;
	uint32_t world_size;
	int segment_fd;
	uint64_t run_id[2];
	bool first_touch; /* SYNCBN_MEM is first-touch or none: set no memory policy */
};

/*
 * Reads the contract from the environment. Without one, a WORLD_SIZE, OMPI_COMM_WORLD_SIZE or
 * PMI_SIZE above 1 is INVALID: somebody else's ranks would each train alone and not know it.
 */
syncbn_status_t sbn_contract_read(struct sbn_contract *contract);

/* Writes a run id as 32 hexadecimal digits and a zero. */
void sbn_contract_format_run_id(const uint64_t run_id[2], char text[33]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Agreeing on a step that must succeed everywhere or nowhere, over the control stream. */
#ifndef SBN_COMM_AGREE_H
#define SBN_COMM_AGREE_H

#include "comm/group.h"

struct sbn_agreement {
	uint64_t agreed[3];  /* in: must be equal on all ranks */
	uint64_t value;      /* in: this rank's */
	uint64_t root_value; /* out: rank 0's */
	uint32_t number;     /* in: rank 0's; out: the same on all ranks */
	uint64_t sum;        /* out: of all ranks' values */
};

/*
 * Tells the peers this rank's status and value. OK when all are OK; else the first failing rank's
 * status and detail, on every rank; INVALID on every rank when one has left the group. values:
 * NULL, or room for all ranks' values. Collective.
 */
syncbn_status_t sbn_agree(struct syncbn_group *group, enum sbn_op op, syncbn_status_t status,
			  struct sbn_agreement *agreement, uint64_t *values);

#endif

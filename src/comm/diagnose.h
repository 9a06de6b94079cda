/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong between ranks: found, written into the abort word, and said in one line. */
#ifndef SBN_COMM_DIAGNOSE_H
#define SBN_COMM_DIAGNOSE_H

#include <stdbool.h>

#include "comm/wait.h"

/* Each sets the abort word and returns the status with its detail. */
syncbn_status_t sbn_diagnose_lost(const struct sbn_wait *wait);
syncbn_status_t sbn_diagnose_mismatch(const struct sbn_wait *wait);
syncbn_status_t sbn_diagnose_timeout(const struct sbn_wait *wait);

/* A peer began another call than this rank. */
syncbn_status_t sbn_diagnose_other_call(struct syncbn_group *group, uint32_t peer,
					const struct sbn_call *own, const struct sbn_call *theirs,
					uint64_t number);

/*
 * Whether the peer is inside an operation of another stream that this rank has not begun: then
 * each waits for the other for ever, unless the wait is over by now (look again after this).
 */
bool sbn_diagnose_crossed(const struct sbn_wait *wait);

#endif

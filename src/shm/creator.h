/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a segment. A process's number alone does not tell: the kernel gives it to another one as
 * soon as the first has been reaped. With the time at which it started it does, within one PID
 * namespace.
 */
#ifndef SBN_SHM_CREATOR_H
#define SBN_SHM_CREATOR_H

#include <stdbool.h>
#include <stdint.h>

struct sbn_creator {
	int32_t pid;
	uint64_t start_time; /* clock ticks since boot, as /proc/PID/stat says; 0: not known */
	uint64_t pid_space;  /* the number of the PID namespace; 0: not known */
};

/* This process. */
struct sbn_creator sbn_creator_self(void);

/*
 * Whether that process has ended for certain: its number is free, or another process's. False also
 * where this cannot be seen from here: without /proc, or in another PID namespace.
 */
bool sbn_creator_has_ended(const struct sbn_creator *creator);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ranks' memory allocator. glibc gives large buffers back to the system when they are freed, so
 * that a training step faults all their pages in again; each allocator here keeps them.
 */
#ifndef SBN_LAUNCH_ALLOCATOR_H
#define SBN_LAUNCH_ALLOCATOR_H

#include <limits.h>
#include <stdbool.h>

#include <syncbn/status.h>

#include "launch/options.h"

struct sbn_allocator {
	bool tuned;             /* glibc's own, told to keep what is freed */
	char preload[PATH_MAX]; /* the library to load first; empty: none */
};

/* INVALID: the library is not among those that the dynamic loader finds; names its package. */
syncbn_status_t sbn_allocator_find(enum sbn_malloc choice, struct sbn_allocator *allocator);

struct sbn_setting {
	const char *name;
	const char *value;
};

/* What `tuned` sets, unless the caller has chosen a value; ends with a NULL name. */
extern const struct sbn_setting sbn_allocator_tuning[4];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a rank that another launcher has started and placed. */
#ifndef SBN_LAUNCH_ADOPTED_H
#define SBN_LAUNCH_ADOPTED_H

#include <stddef.h>

#include <syncbn/status.h>

#include "launch/adopt.h"
#include "launch/allocator.h"
#include "launch/options.h"

/* INVALID: the options ask for another number of ranks than there is. */
syncbn_status_t sbn_adopted_check(const struct sbn_options *options,
				  const struct sbn_adoption *adoption);

/* The line that says who placed this rank, how that is known, and where it may run. */
syncbn_status_t sbn_adopted_tell(const struct sbn_adoption *adoption, char *line, size_t bytes);

/*
 * Writes which of the options that were given have no effect on an adopted rank, as the other
 * launcher watches it and carries its output; false: none.
 */
bool sbn_adopted_without_effect(const struct sbn_options *options,
				const struct sbn_adoption *adoption, char *line, size_t bytes);

/*
 * Meets the job's other ranks and becomes the program; the launcher above watches it. Returns only
 * when that fails, with the exit code to end with.
 */
syncbn_status_t sbn_adopted_exec(const struct sbn_options *options,
				 const struct sbn_adoption *adoption,
				 const struct sbn_allocator *allocator, int *code);

#endif

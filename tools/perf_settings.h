/* SPDX-License-Identifier: Apache-2.0 */
/* The environment's SYNCBN_ variables: what a measurement was told beside its options. */
#ifndef SYNCBN_PERF_SETTINGS_H
#define SYNCBN_PERF_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

/*
 * Whose threads run layers: asked, or where that is NULL and the environment says nothing,
 * otherwise. Before syncbn_init; this program has OpenMP, which those that are measured need not.
 */
void perf_settings_executor(const char *asked, const char *otherwise);

/* An option has said it, whatever the environment says: it is no setting any more. */
void perf_settings_override(const char *name);

/*
 * The next setting, "NAME=VALUE", or NULL; *at begins with 0. Not what the launcher tells its
 * ranks, its own options, or what is overridden.
 */
const char *perf_settings_next(size_t *at);

/* All of them behind `before`, or nothing; names that the library does not read are told. */
void perf_settings_print(FILE *file, const char *before);

#endif

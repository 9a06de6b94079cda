/* SPDX-License-Identifier: Apache-2.0 */
/* The environment's SYNCBN_ variables: what a measurement was told beside its options. */
#ifndef SYNCBN_PERF_SETTINGS_H
#define SYNCBN_PERF_SETTINGS_H

#include <stddef.h>

/*
 * Whose threads run layers: asked, or where that is NULL and the environment says nothing,
 * otherwise. Before syncbn_init; this program has OpenMP, which those that are measured need not.
 */
void perf_settings_executor(const char *asked, const char *otherwise);

/*
 * The next setting, "NAME=VALUE", or NULL; *at begins with 0. Not what the launcher tells its
 * ranks, its own options, or what perf_settings_executor chose by itself.
 */
const char *perf_settings_next(size_t *at);

#endif

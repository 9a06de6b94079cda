/* SPDX-License-Identifier: Apache-2.0 */
/* Which sizes are measured. */
#ifndef SYNCBN_PERF_SIZES_H
#define SYNCBN_PERF_SIZES_H

#include "perf_options.h"

/* What was asked for. */
struct perf_sizes {
	uint64_t min, max, factor; /* 0: not given */
	const char *channels;      /* NULL: not given */
};

syncbn_status_t perf_sizes_parse_bytes(const char *name, const char *text, uint64_t *out);

/* Fills in options->bytes; the command and the dtype are known. */
syncbn_status_t perf_sizes_choose(struct perf_options *options, const struct perf_sizes *sizes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What memory allows: passes that do nothing but move bytes, on the library's team. */
#ifndef SYNCBN_PERF_BN_FLOOR_H
#define SYNCBN_PERF_BN_FLOOR_H

#include <stddef.h>

enum { PERF_BN_STREAMS = 3 };

/* Streams of equal length; NULL where there are fewer. */
struct perf_bn_streams {
	const void *in[PERF_BN_STREAMS];
	void *out[PERF_BN_STREAMS - 1];
	size_t bytes;
};

/* Reads every `in` and writes every `out`, past the caches where the CPU can. */
void perf_bn_floor_copy(const struct perf_bn_streams *streams);

/* Reads every `in`. */
void perf_bn_floor_read(const struct perf_bn_streams *streams);

/* Bytes that one of these copies moves. */
size_t perf_bn_floor_bytes(const struct perf_bn_streams *streams);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/copy.h"

#include <stdint.h>
#include <string.h>

#ifdef SBN_HAVE_X86
#include <immintrin.h>
#endif

enum {
	PUSH_BYTES = 2048, /* more gained nothing where it was measured */
	LINES_BYTES = 4096 /* copied line by line; above, memcpy's wider stores win */
};

#ifdef SBN_HAVE_X86
/* Past the caches: nobody's copy of the row has to be taken away line by line. */
static void
copy_streaming(char *row, const char *own, size_t bytes)
{
	size_t at = 0;

	for (; at + SBN_CACHE_LINE <= bytes; at += SBN_CACHE_LINE)
		for (size_t part = at; part < at + SBN_CACHE_LINE; part += sizeof(__m128i))
			_mm_stream_si128((__m128i *)(row + part),
					 _mm_loadu_si128((const __m128i *)(own + part)));
	memcpy(row + at, own + at, bytes - at);
	_mm_sfence(); /* R1's release does not cover these stores by itself */
}
#endif

static void
copy_in_lines(char *row, const char *own, size_t bytes, bool push)
{
	size_t at = 0;

	for (; at + SBN_CACHE_LINE <= bytes; at += SBN_CACHE_LINE) {
		memcpy(row + at, own + at, SBN_CACHE_LINE);
		if (push)
			sbn_line_push(row + at);
	}
	memcpy(row + at, own + at, bytes - at);
}

void
sbn_copy_out(const struct syncbn_group *group, void *row, const void *own, size_t bytes)
{
#ifdef SBN_HAVE_X86
	if (bytes >= group->tuning.stream_from && (uintptr_t)row % sizeof(__m128i) == 0) {
		copy_streaming(row, own, bytes);
		return;
	}
#endif
	if (bytes >= group->tuning.take_from)
		sbn_lines_take(row, SBN_MIN(bytes, (size_t)SBN_AHEAD_BYTES));
	if (bytes <= LINES_BYTES)
		copy_in_lines(row, own, bytes, bytes <= PUSH_BYTES);
	else
		memcpy(row, own, bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a, 64 bits: begin with FM_HASH_START and add what is to be compared. */
#ifndef FM_HASH_H
#define FM_HASH_H

#include <stddef.h>
#include <stdint.h>

#define FM_HASH_START 0xcbf29ce484222325ull

static inline uint64_t
fm_hash(uint64_t so_far, const void *data, size_t n)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < n; i++)
		so_far = (so_far ^ bytes[i]) * 0x100000001b3ull;
	return so_far;
}

#endif

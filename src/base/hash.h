/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a, 64 bits: tells two headers or lists apart; no protection against malice. */
#ifndef SBN_BASE_HASH_H
#define SBN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SBN_HASH_START 0xcbf29ce484222325ull

static inline uint64_t
sbn_hash(uint64_t hash, const void *data, size_t bytes)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3ull;
	return hash;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The same bits whatever the threads, the chunks, the stores, the instruction set and the ways. */
#ifndef SBN_TESTS_UNIT_SAME_BITS_H
#define SBN_TESTS_UNIT_SAME_BITS_H

#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "kernels/kernels.h"
#include "unit/layout_bench.h"
#include "unit/world_of_ways.h"

/* Of whole doubles: bytes one by one would take longer than the passes. */
static inline uint64_t
hash_values(uint64_t hash, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		memcpy(&bits, &values[i], sizeof(bits));
		hash = (hash ^ bits ^ bits >> 29) * 0x9e3779b97f4a7c15ull;
	}
	return hash ^ hash >> 32;
}

/*
 * All operands' layouts are the same, and then differ; and the same again without a residual. one:
 * only all in this layout.
 */
static inline uint64_t
hash_passes(syncbn_group_t *world, syncbn_dtype_t dtype, syncbn_tensor_t like,
	    const syncbn_layout_t *one)
{
	uint64_t hash = SBN_HASH_START;
	struct bench b;

	like.dtype = dtype;
	open_bench(&b, world, like);
	for (size_t i = 0; i < 16; i++) {
		const bool differ = i / 4 % 2 == 1;

		if (one != NULL && (differ || sbn_all_layouts[i % 4] != *one))
			continue;
		b.p.z = i < 8 ? b.r.z : NULL;
		b.p.in.x = sbn_all_layouts[i % 4];
		b.p.in.z = sbn_all_layouts[differ ? i / 2 % 4 : i % 4];
		b.p.in.y = sbn_all_layouts[differ ? 3 - i % 4 : i % 4];
		b.p.in.dy = b.p.in.z;
		b.p.in.dx = b.p.in.y;
		b.p.in.dz = b.p.in.x;
		run(&b, SYNCBN_WANT_ALL);
		hash = hash_values(hash, b.p.y, 3 * b.elements);
		hash = sbn_hash(hash, param_f32(b.bn, SYNCBN_DGAMMA),
				b.r.channels * sbn_dtype_bytes(sbn_param_dtype(dtype)));
	}
	close_bench(&b);
	return hash;
}

static inline void
check_bits_in(syncbn_dtype_t dtype, syncbn_tensor_t like, const syncbn_layout_t *one)
{
	static const int threads[] = { 1, 2, 5, 8, 1, 1 };
	static const char *const chunks[] = { "524288", "1", "30000", "5000", "100000", "20000" };
	static const char *const stores[] = { "ordinary",  "streaming", "auto",
					      "streaming", "streaming", "streaming" };
	static const char *const fetch[] = { "auto", "lines", "", "chunks", "lines", "chunks" };
	static const char *const split[] = {
		"auto", "blocks", "channels", "blocks", "auto", "auto"
	};
	static const char *const images[] = {
		"auto", "single", "pairs", "abreast", "pairs", "auto"
	};
	uint64_t expected = 0;

	for (const char *const *isa = sbn_kernels_names; *isa != NULL; isa++) {
		const struct sbn_kernels *kernels;

		for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
			syncbn_group_t *world;
			uint64_t hash;

			if (sbn_kernels_choose(*isa, &kernels) != SYNCBN_OK)
				continue; /* not on this CPU */
			join_with(*isa, threads[i], chunks[i], stores[i], fetch[i], split[i],
				  images[i], &world);
			operands_begin_at_lines = i % 2 == 1;
			hash = hash_passes(world, dtype, like, one);
			expected = expected == 0 ? hash : expected;
			assert_int_equal(hash, expected);
			assert_ok(syncbn_finalize(world));
		}
	}
	operands_begin_at_lines = false;
	forget_environment();
}

static inline void
check_bits(syncbn_dtype_t dtype, syncbn_tensor_t like)
{
	check_bits_in(dtype, like, NULL);
}

static inline void
check_bits_of_shapes(syncbn_dtype_t dtype)
{
	/* fewer channels than threads, which share them; a block is a part of a row */
	check_bits(dtype, syncbn_tensor_nchw(NULL, 5, 3, 41, 101));
	/* parts of an image a block, and some images */
	check_bits(dtype, syncbn_tensor_nchw(NULL, 3, 17, 20, 35));
	check_bits(dtype, syncbn_tensor_nchw(NULL, 19, 35, 7, 7));
	/* elements enough for five threads */
	check_bits(dtype, syncbn_tensor_nchw(NULL, 19, 24, 14, 14));
	/* blocks of channels that are written beside others, and half a one */
	check_bits(dtype, syncbn_tensor_nchw(NULL, 5, 72, 7, 7));
}

#endif

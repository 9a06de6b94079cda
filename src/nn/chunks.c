/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/chunks.h"

#include <unistd.h>

#include "base/math.h"

/* A thread's own cache; what lies a way apart shares its sets. */
struct cache {
	size_t bytes, way_bytes;
};

static struct cache
find_cache(void)
{
	long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE), ways = sysconf(_SC_LEVEL2_CACHE_ASSOC);

	if (bytes <= 0 || ways <= 0)
		return (struct cache){ 1024 * 1024, 128 * 1024 };
	return (struct cache){ (size_t)bytes, (size_t)(bytes / ways) };
}

static size_t
greatest_divisor(size_t a, size_t b)
{
	while (b != 0) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * How much of the cache n stretches of `bytes` bytes, `stride` bytes from each other, take
 * together. Strides that have much in common with a way's size, as those of powers of two have,
 * leave many sets unused, and the others hold more.
 */
static size_t
room_of(const struct cache *cache, size_t n, size_t bytes, size_t stride)
{
	return n * SBN_MAX(greatest_divisor(stride, cache->way_bytes), bytes);
}

/* The most channels that fit thrice: those that are stored, and those that are summed ahead. */
static uint32_t
choose_step(size_t most, const struct cache *cache, size_t n, size_t row, size_t stride)
{
	size_t step = SBN_MAX(most / SBN_MAX(n * row, (size_t)1), (size_t)1);

	while (step > 1 && room_of(cache, n, 3 * step * row, stride) > cache->bytes / 2)
		step = (step + 1) / 2;
	return (uint32_t)SBN_MIN(step, (size_t)UINT32_MAX);
}

struct sbn_chunks
sbn_chunks_choose(const struct sbn_pass *pass, uint32_t n_channels)
{
	const struct cache cache = find_cache();
	const size_t n_inputs = 1 + (pass->dy.data != NULL) + (pass->z.data != NULL);
	const size_t row = n_inputs * pass->geometry.spatial * pass->geometry.element_bytes;
	const size_t stride = pass->x.image * pass->geometry.element_bytes;
	const size_t most = pass->bn->group->process->chunk_bytes, n = pass->geometry.n;
	struct sbn_chunks chunks = { n_channels, 2, false };

	if (pass->before != NULL) /* the data has been summed before: only sums travel */
		return chunks;
	chunks.step = choose_step(most, &cache, n, row, stride);
	if (room_of(&cache, n, 3 * chunks.step * row, stride) > cache.bytes / 2)
		chunks.lookahead = 1; /* one channel is too much: at least it is stored at once */
	chunks.fetch = room_of(&cache, n, (chunks.lookahead + 1) * chunks.step * row, stride) <=
		       cache.bytes / 16 * 13;
	/* as many chunks, but alike */
	chunks.step = SBN_MIN(chunks.step, n_channels);
	chunks.step = (uint32_t)sbn_ceil_div(n_channels, sbn_ceil_div(n_channels, chunks.step));
	return chunks;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/stores.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/math.h"
#include "comm/process.h"
#include "kernels/stream.h"
#include "nn/cache.h"
#include "platform/alloc.h"

enum {
	ROUNDS = 7,
	COUNTED = 1, /* the second shortest of them: what else runs here makes rounds longer */
	MARGIN = 20, /* percent; a layer alone gains more, and leaves the caches to others */
	IMAGES = 4,
	SPATIAL = 784,
	CHUNK = 4, /* channels */
	AHEAD = 1024,
	LEAST_POOL = 8 << 20,
	MOST_POOL = 64 << 20,
	LARGEST_CACHE = 4 << 20 /* of which the pool holds some layers */
};

/* Layers of some images of float32, each in the memory that was used the longest ago. */
struct sample {
	const struct sbn_type_kernels *kernels;
	struct sbn_coefficients k;
	float *coefficients; /* [2][channels] */
	struct sbn_pair *sums;
	float *pool;
	size_t pool_bytes, next; /* bytes */
};

static size_t
pool_bytes(size_t largest)
{
	const long last = sysconf(_SC_LEVEL3_CACHE_SIZE);
	const size_t wanted = SBN_MAX(2 * (size_t)SBN_MAX(last, 0L), 4 * largest);

	return SBN_MIN(SBN_MAX(wanted, (size_t)LEAST_POOL), (size_t)MOST_POOL);
}

static size_t
channels_of(size_t bytes)
{
	return SBN_MAX(bytes / (2 * IMAGES * SPATIAL * sizeof(float)), (size_t)1);
}

static void
end_sample(struct sample *s)
{
	free(s->coefficients);
	free(s->sums);
	sbn_free(s->pool);
}

/* false: there is no memory. */
static bool
begin_sample(struct sample *s, const struct sbn_process *process, size_t largest)
{
	const size_t n = channels_of(largest);

	*s = (struct sample){
		.kernels = &process->kernels->of[SBN_F32],
		.coefficients = calloc(2 * n, sizeof(float)),
		.sums = calloc(n, sizeof(*s->sums)),
		.pool_bytes = pool_bytes(largest),
	};
	s->pool = sbn_alloc(s->pool_bytes, process->first_touch ? NULL : &process->place.nodes);
	if (s->coefficients == NULL || s->sums == NULL || s->pool == NULL) {
		end_sample(s);
		return false;
	}
	memset(s->pool, 0, s->pool_bytes); /* else all pages would be one */
	for (size_t i = 0; i < n; i++)
		s->coefficients[n + i] = 1;
	s->k = (struct sbn_coefficients){ .mean_hi = s->coefficients,
					  .mean_lo = s->coefficients,
					  .scale = s->coefficients + n,
					  .shift = s->coefficients };
	return true;
}

/* The next tensor's memory. */
static float *
take(struct sample *s, size_t n_channels)
{
	const size_t bytes =
		sbn_align_up(n_channels * IMAGES * SPATIAL * sizeof(float), (size_t)4096);
	float *tensor;

	if (s->next + bytes > s->pool_bytes)
		s->next = 0;
	tensor = s->pool + s->next / sizeof(float);
	s->next += bytes;
	return tensor;
}

/* A tensor's channels from c on. */
static struct sbn_operands
summed_at(const float *tensor, size_t n_channels, size_t c, bool pairs)
{
	return (struct sbn_operands){
		.x = { tensor + c * SPATIAL, n_channels * SPATIAL },
		.ahead = AHEAD,
		.lockstep = true,
		.pairs = pairs,
		.near = sbn_cache_find().near,
	};
}

static void
sum(const struct sample *s, const float *tensor, size_t n_channels, size_t n, bool pairs)
{
	const struct sbn_operands at = summed_at(tensor, n_channels, 0, pairs);

	s->kernels->planes_moments(&(struct sbn_beside){ &at, n, s->sums, NULL, 0 }, IMAGES,
				   SPATIAL);
}

/* How a layer is written. */
struct way {
	bool past, pairs;
};

/* Writes a chunk, and sums the next one, if there is one. */
static void
write_and_sum(const struct sample *s, const float *x, float *y, size_t c, size_t n_channels,
	      const struct way *way)
{
	const size_t n = SBN_MIN(n_channels - c, (size_t)CHUNK), next = c + n;
	const struct sbn_operands to = {
		.x = { x + c * SPATIAL, n_channels * SPATIAL },
		.out = { y + c * SPATIAL, n_channels * SPATIAL },
		.lockstep = true,
		.pairs = way->pairs,
		.stream = way->past,
	};
	const struct sbn_operands from = summed_at(x, n_channels, next, way->pairs);
	const struct sbn_beside beside = { &from, SBN_MIN(n_channels - next, (size_t)CHUNK),
					   s->sums + next, NULL, next };

	if (next < n_channels)
		s->kernels->planes_normalize_beside(&beside, &to, IMAGES, SPATIAL, &s->k, c, n);
	else
		s->kernels->planes_normalize(&to, IMAGES, SPATIAL, &s->k, c, n);
}

static uint64_t
time_way(struct sample *s, size_t bytes, const struct way *way)
{
	const size_t n_channels = channels_of(bytes);
	const float *x = take(s, n_channels);
	float *y = take(s, n_channels);
	const uint64_t begin = sbn_ticks();

	sum(s, x, n_channels, SBN_MIN(n_channels, (size_t)CHUNK), way->pairs);
	for (size_t c = 0; c < n_channels; c += CHUNK)
		write_and_sum(s, x, y, c, n_channels, way);
	if (way->past)
		sbn_stream_end();
	sum(s, y, n_channels, n_channels, true);
	return sbn_ticks() - begin;
}

/*
 * What a layer of so many bytes takes, and who reads its output once. Layers choose among ways to
 * write past the caches (pass_ways.c): the shorter one.
 */
static uint64_t
time_layer(void *sample, size_t bytes, bool past)
{
	const uint64_t one = time_way(sample, bytes, &(struct way){ past, false });
	const uint64_t two = time_way(sample, bytes, &(struct way){ past, true });

	return SBN_MIN(one, two);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
time_both(sbn_stores_time_fn time, void *context, size_t bytes, uint64_t *ordinary, uint64_t *past)
{
	uint64_t rounds[2][ROUNDS];

	for (int round = 0; round < ROUNDS; round++)
		for (int way = 0; way < 2; way++)
			rounds[way][round] = time(context, bytes, way == 1);
	for (int way = 0; way < 2; way++)
		qsort(rounds[way], ROUNDS, sizeof(rounds[way][0]), compare);
	*ordinary = rounds[0][COUNTED];
	*past = rounds[1][COUNTED];
}

size_t
sbn_stores_bound(sbn_stores_time_fn time, void *context, size_t cache)
{
	const size_t smallest = cache / 4;
	size_t from = SBN_STORES_CLEAR * cache;

	for (size_t bytes = from; bytes >= smallest; bytes /= 2) {
		uint64_t ordinary, past;

		time_both(time, context, bytes, &ordinary, &past);
		if (past * 100 >= ordinary * (100 + MARGIN))
			break;
		from = bytes;
	}
	return from;
}

/* Half of the cache, which inputs and outputs share, is as good a guess as any. */
static size_t
measure(const struct sbn_process *process, size_t cache)
{
	struct sample s;
	size_t from = cache / 2;

	if (!begin_sample(&s, process, SBN_STORES_CLEAR * cache))
		return from;
	from = sbn_stores_bound(time_layer, &s, cache);
	end_sample(&s);
	return from;
}

bool
sbn_stores_go_past(struct sbn_process *process, size_t bytes)
{
	const size_t cache = sbn_cache_find().bytes;
	/* relaxed, with the store below: of two threads that measure at once either is right */
	size_t from = atomic_load_explicit(&process->stores_from, memory_order_relaxed);

	if (from != 0)
		return bytes >= from;
	if (!process->calibrates || process->is_crowded || cache > LARGEST_CACHE)
		return bytes >= cache / 2;
	if (bytes < cache / 4 || bytes >= SBN_STORES_CLEAR * cache)
		return bytes >= cache / 4;
	from = measure(process, cache);
	/* relaxed, with the load above */
	atomic_store_explicit(&process->stores_from, from, memory_order_relaxed);
	return bytes >= from;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_sampler.h"

#include <stdlib.h>
#include <string.h>

#include "fm_data.h"
#include "fm_random.h"

struct shard {
	size_t first, count;
	size_t taken; /* in this epoch */
	uint64_t epoch;
};

struct fm_sampler {
	size_t n_shards;
	size_t part; /* what a batch takes of each shard */
	uint64_t seed;
	struct shard *shards;
	uint32_t *sorted; /* [n] the images as the shards cut them */
	uint32_t *order;  /* [n] the same, each shard shuffled for its epoch */
	uint32_t *batch;  /* [n_shards * part] */
};

static void
sort_by_class(const uint8_t *labels, size_t n, uint32_t *sorted)
{
	for (int class = 0; class < FM_CLASSES; class++)
		for (size_t i = 0; i < n; i++)
			if (labels[i] == class)
				*sorted++ = (uint32_t)i;
}

/* As syncbn_shard() cuts, but for every rank: the earlier shards have the larger parts. */
static void
cut(struct fm_sampler *sampler, size_t n)
{
	size_t first = 0;

	for (size_t i = 0; i < sampler->n_shards; i++) {
		size_t count = n / sampler->n_shards + (i < n % sampler->n_shards);

		sampler->shards[i] = (struct shard){ first, count, count, 0 };
		first += count;
	}
}

struct fm_sampler *
fm_sampler_new(const uint8_t *labels, size_t n, size_t n_shards, int by_class, size_t batch,
	       uint64_t seed)
{
	struct fm_sampler *sampler = calloc(1, sizeof(*sampler));

	if (!sampler)
		return NULL;
	sampler->n_shards = by_class ? n_shards : 1;
	sampler->part = batch / sampler->n_shards;
	sampler->seed = seed;
	sampler->shards = calloc(sampler->n_shards, sizeof(*sampler->shards));
	sampler->sorted = calloc(n, sizeof(*sampler->sorted));
	sampler->order = calloc(n, sizeof(*sampler->order));
	sampler->batch = calloc(batch, sizeof(*sampler->batch));
	if (!sampler->shards || !sampler->sorted || !sampler->order || !sampler->batch) {
		fm_sampler_free(sampler);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		sampler->sorted[i] = (uint32_t)i;
	if (by_class)
		sort_by_class(labels, n, sampler->sorted);
	cut(sampler, n);
	return sampler;
}

void
fm_sampler_free(struct fm_sampler *sampler)
{
	if (!sampler)
		return;
	free(sampler->shards);
	free(sampler->sorted);
	free(sampler->order);
	free(sampler->batch);
	free(sampler);
}

/* Begins the shard's next epoch: Fisher and Yates, from the sorted order each time. */
static void
shuffle(struct fm_sampler *sampler, size_t number)
{
	struct shard *shard = &sampler->shards[number];
	uint32_t *order = sampler->order + shard->first;
	struct fm_random random = fm_random_seeded(sampler->seed, number, shard->epoch);

	memcpy(order, sampler->sorted + shard->first, shard->count * sizeof(*order));
	for (uint32_t i = (uint32_t)shard->count; i > 1; i--) {
		uint32_t j = fm_random_below(&random, i), moved = order[i - 1];

		order[i - 1] = order[j];
		order[j] = moved;
	}
	shard->epoch++;
	shard->taken = 0;
}

const uint32_t *
fm_sampler_next(struct fm_sampler *sampler)
{
	size_t part = sampler->part;

	for (size_t i = 0; i < sampler->n_shards; i++) {
		struct shard *shard = &sampler->shards[i];

		if (shard->count - shard->taken < part)
			shuffle(sampler, i);
		memcpy(sampler->batch + i * part, sampler->order + shard->first + shard->taken,
		       part * sizeof(*sampler->batch));
		shard->taken += part;
	}
	return sampler->batch;
}

void
fm_sampler_skip(struct fm_sampler *sampler, long steps)
{
	while (steps-- > 0)
		fm_sampler_next(sampler);
}

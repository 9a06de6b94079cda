/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images a step trains on. Defined for the batch of all ranks together: rank r of n takes
 * its r-th n-th, and a lone rank with the whole batch sees the very same images in the same order.
 *
 * The images are cut into shards, each shuffled by itself every epoch, and the batch is the
 * shards' next parts one behind the other. By class there is a shard a rank and the images are
 * sorted by class first, as files lie sorted when each rank loads those on its own node; else
 * there is one shard of everything.
 */
#ifndef FM_SAMPLER_H
#define FM_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct fm_sampler;

/* batch: of all ranks, a multiple of n_shards, at most n / n_shards a shard. NULL: no memory. */
struct fm_sampler *fm_sampler_new(const uint8_t *labels, size_t n, size_t n_shards, int by_class,
				  size_t batch, uint64_t seed);
void fm_sampler_free(struct fm_sampler *sampler);

/* The next step's images, [batch]; valid until the next call. */
const uint32_t *fm_sampler_next(struct fm_sampler *sampler);

/* Passes over the images of `steps` steps. */
void fm_sampler_skip(struct fm_sampler *sampler, long steps);

#endif

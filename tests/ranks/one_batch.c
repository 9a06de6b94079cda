/* SPDX-License-Identifier: Apache-2.0 */
#include "one_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/math.h"
#include "unit/random.h"

const struct shape shapes[] = {
	{ { 2, 3, 0, 1, 2, 1, 4, 3 }, 5, 7, 7, 0, 0, 0.5, 2 },
	{ { 3, 1, 2, 2, 1, 0, 1, 1 }, 64, 14, 14, 0, 0, -1, 1 },
	{ { 2, 1, 1, 1, 1, 1, 1, 1 }, 3, 50, 50, 0, 0, 0, 1 },
	{ { 8, 5, 7, 1, 2, 3, 4, 2 }, 33, 0, 0, 0, 0, 3, 1 },
	{ { 150, 140, 7, 1, 2, 3, 4, 300 }, 17, 0, 0, 0, 0, 0, 1 },
	{ { 4, 3, 5, 1, 2, 3, 4, 2 }, 19, 6, 5, 1, 0, 2, 1 },
	{ { 2, 1, 1, 0, 3, 1, 1, 2 }, 4099, 2, 1, 0, 0, 0, 1 },
	{ { 3, 3, 1, 1, 1, 1, 1, 1 }, 16, 9, 11, 0, 0, 1000, 0.1 },
	{ { 9, 5, 2, 1, 4, 1, 3, 2 }, 53, 6, 6, 0, 16, 2, 1 },
	{ { 8, 9, 1, 3, 2, 1, 1, 4 }, 40, 5, 7, 0, 8, 0, 1 },
};

const size_t n_shapes = sizeof(shapes) / sizeof(shapes[0]);

size_t
spatial_of(const struct shape *shape)
{
	return shape->height == 0 ? 1 : (size_t)(shape->height * shape->width);
}

static size_t
rows_before(const struct job *job, int rank)
{
	size_t n = 0;

	for (int r = 0; r < rank; r++)
		n += (size_t)job->shape->n[r];
	return n;
}

size_t
images_of(const struct job *job)
{
	return rows_before(job, job->n_ranks);
}

size_t
elements_of(const struct job *job)
{
	return images_of(job) * (size_t)job->shape->channels * spatial_of(job->shape);
}

float *
params_of(const struct job *job, int rank)
{
	return job->result->data + 2 * elements_of(job) +
	       (size_t)rank * 4 * (size_t)job->shape->channels;
}

/* A rank's channels as they lie in memory: blocked ones are padded. */
static size_t
padded_channels(const struct shape *shape)
{
	return shape->block == 0 ? (size_t)shape->channels :
				   sbn_align_up((size_t)shape->channels, (size_t)shape->block);
}

/* Of an element, in the layout under test. */
static size_t
place_of(const struct shape *shape, size_t i, size_t c, size_t s)
{
	const size_t channels = padded_channels(shape), spatial = spatial_of(shape);
	const size_t block = (size_t)shape->block;

	if (shape->last)
		return (i * spatial + s) * channels + c;
	if (block == 0)
		return (i * channels + c) * spatial + s;
	return ((i * (channels / block) + c / block) * spatial + s) * block + c % block;
}

/* Between channels first, in which the test keeps everything, and the layout under test. */
static void
relayout(const struct shape *shape, size_t n, float *first, float *tested, int to_tested)
{
	size_t channels = (size_t)shape->channels, spatial = spatial_of(shape);

	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < channels; c++)
			for (size_t s = 0; s < spatial; s++) {
				float *a = &first[(i * channels + c) * spatial + s];
				float *b = &tested[place_of(shape, i, c, s)];

				if (to_tested)
					*b = *a;
				else
					*a = *b;
			}
}

static syncbn_layout_t
layout_of(const struct shape *shape)
{
	if (shape->block != 0)
		return shape->block == 8 ? SYNCBN_BLOCKED_8 : SYNCBN_BLOCKED_16;
	return shape->last ? SYNCBN_CHANNELS_LAST : SYNCBN_CHANNELS_FIRST;
}

static syncbn_tensor_t
tensor_of(const struct shape *shape, int rank, float *data)
{
	syncbn_tensor_t t = shape->height == 0 ?
				    syncbn_tensor_nc(data, shape->n[rank], shape->channels) :
				    syncbn_tensor_nchw(data, shape->n[rank], shape->channels,
						       shape->height, shape->width);

	t.layout = layout_of(shape);
	return t;
}

static void
choose_environment(const struct job *job)
{
	setenv("SYNCBN_ISA", job->isa, 1);
	setenv("SYNCBN_THREADS", job->threads, 1);
	setenv("SYNCBN_CHUNK_BYTES", job->chunk_bytes, 1);
	setenv("SYNCBN_STORES", job->stores, 1);
}

static uint64_t
hash_statistics(syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, size_t channels)
{
	syncbn_statistics_t statistics;
	uint64_t hash = SBN_HASH_START;

	syncbn_saved_statistics(saved, &statistics);
	hash = sbn_hash(hash, statistics.mean, channels * sizeof(double));
	hash = sbn_hash(hash, statistics.invstd, channels * sizeof(double));
	hash = sbn_hash(hash, syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN), channels * 4);
	return sbn_hash(hash, syncbn_batch_norm_param(bn, SYNCBN_RUNNING_VAR), channels * 4);
}

static void
keep_params(float *params, syncbn_batch_norm_t *bn, size_t channels)
{
	static const syncbn_param_t which[] = {
		SYNCBN_DGAMMA,
		SYNCBN_DBETA,
		SYNCBN_RUNNING_MEAN,
		SYNCBN_RUNNING_VAR,
	};

	for (size_t i = 0; i < 4; i++)
		memcpy(params + i * channels, syncbn_batch_norm_param(bn, which[i]),
		       channels * sizeof(float));
}

static void
keep_tensor(const struct job *job, int rank, float *tensor, float *out)
{
	size_t a_row = (size_t)job->shape->channels * spatial_of(job->shape);
	size_t n = (size_t)job->shape->n[rank];

	out += rows_before(job, rank) * a_row;
	relayout(job->shape, n, out, tensor, 0);
}

static void
keep(const struct job *job, int rank, syncbn_batch_norm_t *bn, const syncbn_saved_t *saved,
     float *y, float *dx)
{
	size_t channels = (size_t)job->shape->channels;
	size_t bytes =
		(size_t)job->shape->n[rank] * padded_channels(job->shape) * spatial_of(job->shape) *
		sizeof(float);
	uint64_t hash = hash_statistics(bn, saved, channels);

	job->result->statistics[rank] = hash;
	keep_tensor(job, rank, y, job->result->data);
	keep_tensor(job, rank, dx, job->result->data + elements_of(job));
	keep_params(params_of(job, rank), bn, channels);
	hash = sbn_hash(hash, y, bytes);
	hash = sbn_hash(hash, dx, bytes);
	job->result->everything[rank] =
		sbn_hash(hash, params_of(job, rank), 2 * channels * sizeof(float));
}

int
train_once(int rank, void *argument)
{
	const struct job *job = argument;
	const struct shape *shape = job->shape;
	size_t channels = (size_t)shape->channels, n = (size_t)shape->n[rank];
	size_t mine = n * padded_channels(shape) * spatial_of(shape);
	size_t at = rows_before(job, rank) * channels * spatial_of(shape);
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(shape->channels);
	float *buffer = syncbn_alloc((4 * mine + 1) * sizeof(float));
	float *x = buffer, *y = x + mine, *dy = y + mine, *dx = dy + mine;
	syncbn_tensor_t tx = tensor_of(shape, rank, x), ty = tensor_of(shape, rank, y);
	syncbn_tensor_t tdy = tensor_of(shape, rank, dy), tdx = tensor_of(shape, rank, dx);
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	choose_environment(job);
	memset(buffer, 0, 4 * mine * sizeof(float));
	relayout(shape, n, job->x + at, x, 1);
	relayout(shape, n, job->dy + at, dy, 1);
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(world, &config, &bn) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_bind(bn, SYNCBN_GAMMA, job->gamma) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_bind(bn, SYNCBN_BETA, job->beta) == SYNCBN_OK);
	EXPECT(syncbn_saved_new(bn, &saved) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, saved) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_backward(bn, saved, &tdy, &tdx, NULL, SYNCBN_WANT_ALL) ==
	       SYNCBN_OK);
	keep(job, rank, bn, saved, y, dx);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	syncbn_free(buffer);
	return 0;
}

void
prepare(struct job *job, const struct shape *shape, int n_ranks)
{
	uint64_t seed = 7;
	size_t channels = (size_t)shape->channels;

	*job = (struct job){ .n_ranks = n_ranks, .shape = shape, .isa = "", .threads = "1" };
	job->chunk_bytes = job->stores = "";
	job->x = malloc((elements_of(job) + 1) * sizeof(float));
	job->dy = malloc((elements_of(job) + 1) * sizeof(float));
	job->gamma = malloc(channels * sizeof(float));
	job->beta = malloc(channels * sizeof(float));
	sbn_random_fill(&seed, job->x, elements_of(job), shape->mean, shape->sd);
	sbn_random_fill(&seed, job->dy, elements_of(job), 0.1, 1);
	sbn_random_fill(&seed, job->gamma, channels, 1, 0.3);
	sbn_random_fill(&seed, job->beta, channels, 0, 1);
	job->result = shared_memory(sizeof(struct result) +
				    (2 * elements_of(job) + 32 * channels) * sizeof(float));
}

void
discard(struct job *job)
{
	free(job->x), free(job->dy), free(job->gamma), free(job->beta);
}

uint64_t
run_and_hash(struct job *job)
{
	memset(job->result, 0, sizeof(*job->result));
	if (run_ranks_failures(job->n_ranks, train_once, job) != 0)
		return 0;
	return sbn_hash(SBN_HASH_START, job->result->everything, sizeof(job->result->everything));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/chunks.h"

#include "base/math.h"
#include "nn/cache.h"
#include "nn/joined_rows.h"

enum {
	LEAST_OF_LATE = 4, /* chunks, whether half of the cache holds them or not */
	SHORT_LINES = 96,  /* a row of fewer costs more at its ends than in a farther cache */
	SHORT_ROWS_BYTES = 128 * 1024, /* of chunks of short rows, at most */
	SMALL_BYTES = 96 * 1024,       /* a chunk that has fewer is small */
	LARGE_BYTES = 224 * 1024,      /* more are not needed */
	MANY = 16                      /* chunks: the first is summed while nothing is stored */
};

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

/* What a chunk keeps in the cache: n rows of each input, `row` bytes a channel, `stride` apart. */
struct shape {
	size_t n_inputs, n, row, stride;
};

static struct shape
shape_of(const struct sbn_pass *pass)
{
	const size_t element = pass->geometry.element_bytes;

	return (struct shape){
		.n_inputs = sbn_pass_inputs_kept(pass),
		.n = pass->geometry.n,
		.row = SBN_MAX(pass->geometry.spatial * element, (size_t)1),
		.stride = pass->x.image * element,
	};
}

static size_t
bytes_of(const struct shape *shape, size_t channels)
{
	return shape->n_inputs * shape->n * channels * shape->row;
}

/*
 * How much of the cache so many channels take at worst. Strides that have much in common with a
 * way's size, as those of powers of two have, leave many sets unused, and the others hold more; and
 * large inputs all begin alike.
 */
static size_t
room_of(const struct sbn_cache *cache, const struct shape *shape, size_t channels)
{
	const size_t apart = greatest_divisor(shape->stride, cache->way_bytes);

	return shape->n_inputs * shape->n * SBN_MAX(apart, channels * shape->row);
}

/*
 * What may lie in the cache: three chunks, one that is stored and two that are summed ahead. The
 * rest is for what is fetched already, and for the program that reads the outputs.
 */
static size_t
bytes_for_chunks(const struct sbn_cache *cache)
{
	return cache->bytes / 8 * 3;
}

size_t
sbn_chunks_most_bytes(const struct sbn_pass *pass)
{
	const struct sbn_cache cache = sbn_cache_find();

	return SBN_MIN(pass->bn->group->process->chunk_bytes, bytes_for_chunks(&cache));
}

/* Sets that hold more than others may be full. */
static bool
fit_thrice(const struct sbn_cache *cache, const struct shape *shape, size_t step)
{
	return bytes_of(shape, 3 * step) <= bytes_for_chunks(cache) &&
	       room_of(cache, shape, 3 * step) <= cache->bytes;
}

/*
 * Short rows take longer, a byte, and of few of them little is written while others are summed:
 * more chunks cost less than they gain.
 */
static size_t
most_bytes(const struct sbn_pass *pass)
{
	const size_t most = pass->bn->group->process->chunk_bytes;

	if (sbn_pass_order(pass) != SBN_PLANES || pass->geometry.spatial >= SBN_ABREAST_SPATIAL)
		return most;
	return SBN_MIN(most, (size_t)SHORT_ROWS_BYTES);
}

/* The most channels that fit thrice. */
static size_t
step_of_three(size_t most, const struct sbn_cache *cache, const struct shape *shape)
{
	const size_t channel = SBN_MAX(bytes_of(shape, 1), (size_t)1);
	const size_t step = SBN_MIN(most / channel, bytes_for_chunks(cache) / (3 * channel));

	/* strides that share sets leave no room, whatever the step */
	return fit_thrice(cache, shape, step) ? SBN_MAX(step, (size_t)1) : 1;
}

/* The most that nearly fit twice, of which a lane still has a good many. */
static size_t
step_of_two(size_t most, const struct sbn_cache *cache, const struct shape *shape,
	    uint32_t n_channels)
{
	const size_t channel = SBN_MAX(bytes_of(shape, 1), (size_t)1);
	const size_t large = SBN_MIN(cache->bytes / 16 * 7, (size_t)LARGE_BYTES);

	return SBN_MIN(SBN_MIN(most, large) / channel, (size_t)n_channels / MANY);
}

/*
 * Three chunks, one that is stored and two that are summed ahead. Where they would be small, two
 * larger ones, for each costs something; not of the shortest rows.
 */
static uint32_t
choose_step(const struct sbn_pass *pass, const struct sbn_cache *cache, const struct shape *shape,
	    uint32_t n_channels)
{
	const size_t most = most_bytes(pass);
	size_t step = step_of_three(most, cache, shape);

	if (bytes_of(shape, step) < SMALL_BYTES && sbn_pass_order(pass) == SBN_PLANES &&
	    pass->geometry.spatial >= SBN_SHORT_SPATIAL)
		step = SBN_MAX(step, step_of_two(most, cache, shape, n_channels));
	return (uint32_t)SBN_MIN(step, (size_t)n_channels);
}

/* So many channels' rows end at the edge of a line, if they begin at one. */
static size_t
channels_to_a_line(const struct shape *shape)
{
	return SBN_STORE_LINE / greatest_divisor(shape->row, SBN_STORE_LINE);
}

/*
 * Whether chunks of so many channels, which end with a line, are worth it: an image's part that
 * begins or ends within one is mapped there by slow loops, and has to be read first. So it may
 * take the whole cache, and where parts are short the next one, too; a core has eight times as
 * much of that, as a rule.
 */
static bool
is_worth_whole_lines(const struct sbn_cache *cache, const struct shape *shape, size_t channels)
{
	const size_t room = room_of(cache, shape, 2 * channels);

	return room <= cache->bytes ||
	       (shape->row < SHORT_LINES * SBN_STORE_LINE && room <= 8 * cache->bytes);
}

static void
choose_whole_lines(struct sbn_chunks *chunks, const struct sbn_cache *cache,
		   const struct shape *shape, uint32_t n_channels)
{
	const uint32_t whole = (uint32_t)channels_to_a_line(shape);

	if (chunks->step >= n_channels)
		return; /* the lane's own ends are broken anyway */
	if (chunks->step >= whole) {
		chunks->step -= chunks->step % whole;
	} else if (whole < n_channels && is_worth_whole_lines(cache, shape, whole)) {
		chunks->step = whole;
	} else {
		return;
	}
	chunks->whole = whole;
}

/*
 * Tiles of fewer channels than a block's read the same lines. Blocks of 8 go together by two, so
 * that both end with a line and rows are joined alike in all chunks. Where the cache cannot hold
 * two, and one does as well, a chunk may be one.
 */
static uint32_t
channels_of_blocks(const struct sbn_pass *pass, const struct sbn_cache *cache,
		   const struct shape *shape)
{
	const bool one_will_do = sbn_pass_joins_all(pass) && pass->geometry.spatial % 2 == 0 &&
				 SBN_JOINED_CHANNELS % channels_to_a_line(shape) == 0;

	return one_will_do && bytes_of(shape, SBN_LANES) > cache->bytes ? SBN_JOINED_CHANNELS :
									  SBN_LANES;
}

/*
 * What is summed while a peer is late costs nothing, if it is there still when it is due: in half
 * of the cache, or nearly so. Of chunks that the cache cannot hold there is one more at most.
 */
static uint32_t
lookahead_while_late(const struct sbn_cache *cache, const struct shape *shape,
		     const struct sbn_chunks *chunks)
{
	const size_t chunk = SBN_MAX(bytes_of(shape, chunks->step), (size_t)1);
	const size_t room = SBN_MAX(chunk, room_of(cache, shape, chunks->step));

	if (chunk > cache->bytes)
		return chunks->lookahead + 1;
	return (uint32_t)SBN_MIN(SBN_MAX(cache->bytes / 2 / room, (size_t)LEAST_OF_LATE),
				 (size_t)UINT32_MAX);
}

static bool
has_peers(const struct sbn_pass *pass)
{
	return pass->exchange && pass->bn->group->size > 1;
}

struct sbn_chunks
sbn_chunks_choose(const struct sbn_pass *pass, uint32_t n_channels)
{
	const struct shape shape = shape_of(pass);
	const struct sbn_cache cache = sbn_cache_find();
	struct sbn_chunks chunks = {
		.step = n_channels,
		.whole = 1,
		.lookahead = has_peers(pass) ? 2 : 1, /* their sums take their time */
		.lookahead_while_late = 1,
	};

	if (pass->before != NULL) /* the data has been summed before: only sums travel */
		return chunks;
	chunks.step = choose_step(pass, &cache, &shape, n_channels);
	/* as many chunks, but alike */
	chunks.step = (uint32_t)sbn_ceil_div(n_channels, sbn_ceil_div(n_channels, chunks.step));
	if (sbn_pass_order(pass) == SBN_BLOCKS) {
		chunks.whole = channels_of_blocks(pass, &cache, &shape);
		chunks.step = (uint32_t)sbn_align_up(chunks.step, chunks.whole);
	} else {
		choose_whole_lines(&chunks, &cache, &shape, n_channels);
	}
	if (!fit_thrice(&cache, &shape, chunks.step))
		chunks.lookahead = 1; /* too much: at least it is stored at once */
	chunks.lookahead_while_late = lookahead_while_late(&cache, &shape, &chunks);
	return chunks;
}

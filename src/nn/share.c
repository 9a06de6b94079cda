/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/share.h"

#include "base/math.h"
#include "kernels/stream.h"
#include "nn/cache.h"
#include "nn/exchange_row.h"
#include "nn/plane_blocks.h"
#include "nn/stopwatch.h"

enum {
	PER_CENT_MORE = 15,   /* than channels of its own, for loops that end with a block */
	LEAST_GAIN = 8 * 1024 /* elements; the meetings of the threads cost as much as some */
};

/* A step of all threads: blocks of the one range are written, those of the other one are summed. */
struct step {
	const struct sbn_window *w;
	struct sbn_range written, summed; /* the pass's channels; empty: begin == end */
	size_t n_blocks;                  /* of a channel */
	char *sums;                       /* [channels of summed][n_blocks] */
};

bool
sbn_share_is_possible(const struct sbn_pass *pass)
{
	return pass->blocks != NULL && sbn_geometry_elements(&pass->geometry) != 0 &&
	       sbn_plane_blocks_stand_alone(&pass->geometry);
}

bool
sbn_share_suits(const struct sbn_pass *pass, uint32_t n_channels, uint32_t n_lanes, int threads)
{
	const uint64_t n_blocks = sbn_plane_blocks(&pass->geometry);
	const uint64_t lanes = sbn_pass_lanes(pass, n_blocks * n_channels, threads);
	const uint64_t each_shared = sbn_ceil_div(n_blocks * n_channels, lanes);
	const uint64_t each_alone = sbn_ceil_div((uint64_t)n_channels, n_lanes) * n_blocks;
	const uint64_t shared = each_shared * (100 + PER_CENT_MORE) / 100;

	return shared < each_alone &&
	       (each_alone - shared) * pass->geometry.n * pass->geometry.spatial >=
		       LEAST_GAIN * n_blocks;
}

static uint64_t
channel_bytes(const struct sbn_pass *pass)
{
	return sbn_pass_bytes_read(pass) / pass->geometry.channels;
}

bool
sbn_share_may_gain(const struct sbn_pass *pass, int threads)
{
	return threads > 1 && pass->sum != NULL && pass->apply != NULL && pass->stream &&
	       2 * channel_bytes(pass) > sbn_cache_find().bytes;
}

/* A thread's share of a chunk is what it may sum before it publishes, if anything is summed. */
static uint32_t
choose_step(const struct sbn_window *w, uint32_t n_lanes)
{
	const uint64_t share = sbn_ceil_div(channel_bytes(w->pass), (uint64_t)n_lanes);
	const uint64_t most = w->pass->sum != NULL ? sbn_chunks_most_bytes(w->pass) : UINT64_MAX;
	const uint64_t step = SBN_MIN(SBN_MAX(most / SBN_MAX(share, (uint64_t)1), (uint64_t)1),
				      (uint64_t)w->n_channels);

	return (uint32_t)sbn_ceil_div((uint64_t)w->n_channels,
				      sbn_ceil_div((uint64_t)w->n_channels, step));
}

bool
sbn_share_begin(struct sbn_window *w, int threads)
{
	const size_t n_blocks = sbn_plane_blocks(&w->pass->geometry);
	const uint64_t items = n_blocks * (uint64_t)w->n_channels;
	const uint32_t n_threads = (uint32_t)sbn_pass_lanes(w->pass, items, threads);
	const uint32_t step = choose_step(w, n_threads);
	const size_t sums_bytes = w->pass->sum != NULL ? w->pass->blocks->sums_bytes : 0;

	if (!sbn_batch_norm_reserve(w->pass->bn, step * n_blocks * sums_bytes))
		return false;
	w->pass->share_fits =
		2 * step * channel_bytes(w->pass) <= n_threads * sbn_cache_find().bytes;
	w->n_sharing = n_threads;
	w->n_lanes = 1;
	w->chunks = (struct sbn_chunks){
		.step = step, .whole = 1, .lookahead = 1, .lookahead_while_late = 1
	};
	return true;
}

/* What of a range's blocks is thread i's: some of a channel, whole channels, some of another. */
static void
do_part(const struct step *step, const struct sbn_range *range, int i, bool is_summed)
{
	const struct sbn_pass *pass = step->w->pass;
	const uint64_t items = (uint64_t)(range->end - range->begin) * step->n_blocks;
	const uint64_t end = sbn_part_begin(items, step->w->n_sharing, (uint64_t)i + 1);
	uint64_t item = sbn_part_begin(items, step->w->n_sharing, (uint64_t)i);

	while (item < end) {
		const uint32_t c = range->begin + (uint32_t)(item / step->n_blocks);
		const size_t first = item % step->n_blocks;
		const size_t last = SBN_MIN(first + (end - item), step->n_blocks);

		if (is_summed)
			pass->blocks->sum(pass, c, first, last,
					  step->sums + item * pass->blocks->sums_bytes);
		else
			pass->blocks->apply(pass, c, first, last);
		item += last - first;
	}
}

static void
run_part(void *argument, int i)
{
	const struct step *step = argument;

	do_part(step, &step->written, i, false);
	if (step->w->pass->sum != NULL)
		do_part(step, &step->summed, i, true);
	if (step->w->pass->stream && step->written.begin != step->written.end)
		sbn_stream_end();
}

static void
run_step(struct step *step, int threads, struct sbn_stopwatch *watch)
{
	const struct sbn_window *w = step->w;
	const bool writes = step->written.begin != step->written.end;

	sbn_pass_fetch(w->pass, step->summed.begin, step->summed.end);
	sbn_team_run(w->pass->bn->group->process->team, threads, (int)w->n_sharing, run_part, step);
	sbn_watch_lap(watch, writes ? SBN_NORMALIZE_TICKS : SBN_MOMENTS_TICKS);
}

/* The sums of the chunk that all have summed, to everybody. */
static void
publish(struct sbn_window *w, const struct step *step, const struct sbn_range *chunk)
{
	const struct sbn_sums own = sbn_exchange_row_sums(w->pass, w->own, chunk->begin);

	for (uint32_t i = 0; i < chunk->end - chunk->begin; i++)
		w->pass->blocks->merge(w->pass, step->summed.begin + i,
				       step->sums +
					       i * step->n_blocks * w->pass->blocks->sums_bytes,
				       &own, i);
	sbn_window_publish(w, 0, chunk);
}

void
sbn_share_run(struct sbn_window *w, int threads)
{
	const struct sbn_pass *pass = w->pass;
	struct sbn_stopwatch watch = sbn_watch_start(pass->bn->group->trace);
	const struct sbn_pair *row[pass->bn->group->size];
	const double *low[pass->bn->group->size];
	double count[pass->bn->group->size];
	struct sbn_pairs pairs = { .row = row, .low = low, .count = count };
	struct sbn_range chunk = { 0 };
	struct step step = {
		.w = w,
		.n_blocks = sbn_plane_blocks(&pass->geometry),
		.sums = (char *)pass->bn->partials,
	};

	while (chunk.end < w->n_channels) {
		chunk = (struct sbn_range){
			.begin = chunk.end,
			.end = SBN_MIN(chunk.end + w->chunks.step, w->n_channels),
		};
		step.summed = sbn_window_range(w, &chunk);
		if (pass->sum != NULL) {
			run_step(&step, threads, &watch);
			publish(w, &step, &chunk);
			sbn_watch_lap(&watch, SBN_EXCHANGE_TICKS);
		}
		if (sbn_window_await(w, 0, &chunk, &watch) != SYNCBN_OK)
			return;
		if (pairs.n_ranks == 0)
			sbn_window_pairs(w, &pairs);
		step.written = step.summed;
		if (!sbn_window_merge(w, &chunk, &pairs, &watch) || pass->apply == NULL)
			step.written.end = step.written.begin;
	}
	step.summed.begin = step.summed.end;
	if (step.written.begin != step.written.end)
		run_step(&step, threads, &watch);
}

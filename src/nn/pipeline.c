/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/pipeline.h"

#include "base/fail.h"
#include "base/math.h"
#include "comm/copy.h"
#include "kernels/stream.h"
#include "nn/chunks.h"
#include "nn/row.h"
#include "nn/stopwatch.h"

enum { LANE_ELEMENTS = 16 * 1024 }; /* fewer are not worth another thread */

/* One call's stretch of channels. */
struct window {
	struct sbn_pass *pass;
	uint32_t first, n_channels;
	uint32_t n_lanes;
	struct sbn_chunks chunks;
	bool beside;                  /* one chunk is summed while another is written */
	struct sbn_running_call call; /* with exchange */
	struct sbn_pair *own;         /* this rank's row: private, though published too */
};

/* A lane's chunk as the pass sees it. */
static struct sbn_range
range_of(const struct window *w, const struct sbn_range *chunk)
{
	struct sbn_range range = *chunk;

	range.begin += w->first;
	range.end += w->first;
	return range;
}

static void
publish_chunk(struct window *w, uint32_t lane, const struct sbn_range *chunk)
{
	const struct sbn_sums own = sbn_row_sums(w->pass, w->own, chunk->begin);
	const uint32_t n = chunk->end - chunk->begin;
	struct sbn_sums row;

	if (!w->pass->exchange)
		return;
	row = sbn_row_sums(w->pass, w->call.row, chunk->begin);
	sbn_copy_out(w->call.group, row.pair, own.pair, n * sizeof(*own.pair));
	if (own.low != NULL)
		sbn_copy_out(w->call.group, row.low, own.low, n * sizeof(*own.low));
	sbn_call_publish(&w->call, lane, chunk->end);
}

static void
sum_chunk(struct window *w, uint32_t lane, const struct sbn_range *chunk,
	  struct sbn_stopwatch *watch)
{
	const struct sbn_range range = range_of(w, chunk);
	const struct sbn_sums own = sbn_row_sums(w->pass, w->own, chunk->begin);

	sbn_pass_fetch(w->pass, range.begin, range.end);
	w->pass->sum(w->pass, &range, &own);
	sbn_watch_lap(watch, SBN_MOMENTS_TICKS);
	publish_chunk(w, lane, chunk);
	sbn_watch_lap(watch, SBN_EXCHANGE_TICKS);
}

static double
count_of(const struct window *w, uint32_t rank)
{
	return (double)(w->pass->exchange ? sbn_call_header(&w->call, rank)->count :
					    w->pass->count);
}

/* The ranks that take part, into ranks[group size]; where nothing is exchanged, one. */
static uint32_t
roll_of(const struct window *w, uint32_t *ranks)
{
	ranks[0] = 0;
	return w->pass->exchange ? sbn_call_roll(&w->call, ranks) : 1;
}

static double
total_of(const struct window *w)
{
	uint32_t ranks[w->pass->bn->group->size];
	uint32_t n_ranks = roll_of(w, ranks);
	double total = 0;

	for (uint32_t i = 0; i < n_ranks; i++)
		total += count_of(w, ranks[i]);
	return total;
}

static bool
merge_chunk(const struct window *w, uint32_t begin, uint32_t end)
{
	const struct sbn_pass *pass = w->pass;
	uint32_t ranks[pass->bn->group->size];
	uint32_t n_ranks = roll_of(w, ranks);
	const struct sbn_pair *row[n_ranks];
	const double *low[n_ranks];
	double count[n_ranks];
	struct sbn_pairs pairs = {
		.n_ranks = n_ranks,
		.row = row,
		.low = sbn_row_has_low(pass) ? low : NULL,
		.count = count,
		.first = w->first,
		.divisor = pass->exchange ? sbn_call_divisor(&w->call) : pass->bn->group->size,
	};

	for (uint32_t i = 0; i < n_ranks; i++) {
		bool is_own = !pass->exchange || ranks[i] == pass->bn->group->rank;

		if (is_own)
			pairs.self = i;
		/* the peers' reads take the own row's lines, and reading it would take them back */
		row[i] = is_own ? w->own : sbn_call_row(&w->call, ranks[i]);
		if (!is_own)
			sbn_fetch_ahead(w->call.ring, row[i] + begin,
					(end - begin) * sizeof(*row[i]));
		low[i] = sbn_row_low(row[i]);
		count[i] = count_of(w, ranks[i]);
		pairs.total += count[i];
	}
	return pass->merge(pass, w->first + begin, w->first + end, &pairs);
}

/* Waits for everybody's sums and merges them; *usable: there is something to write from them. */
static syncbn_status_t
merge_all(struct window *w, uint32_t lane, const struct sbn_range *chunk, bool *usable,
	  struct sbn_stopwatch *watch)
{
	const uint32_t begin = chunk->begin, end = chunk->end;
	const struct sbn_pass *pass = w->pass;

	if (pass->exchange) {
		syncbn_status_t status = sbn_call_await(&w->call, lane, begin, end);

		if (status != SYNCBN_OK)
			return status;
		sbn_watch_lap(watch, SBN_COUNTERS); /* waiting counts itself */
	}
	*usable = pass->sum != NULL ? merge_chunk(w, begin, end) :
				      pass->merge(pass, w->first + begin, w->first + end, NULL);
	sbn_watch_lap(watch, SBN_EXCHANGE_TICKS);
	return SYNCBN_OK;
}

/* A lane's way through its channels. */
struct progress {
	uint32_t lane;
	uint32_t done, summed, end;
	uint32_t n_done, n_summed; /* chunks up to there */
	struct sbn_stopwatch watch;
};

/* A lane may begin anywhere: its first chunk ends where the others can begin. */
static struct sbn_range
chunk_at(const struct window *w, uint32_t begin, uint32_t end, uint32_t number)
{
	struct sbn_range chunk = { begin, begin + SBN_MIN(end - begin, w->chunks.step), number };

	if (chunk.end < end)
		chunk.end -= (w->first + chunk.end) % w->chunks.whole;
	return chunk;
}

/* The one that is summed next. */
static struct sbn_range
next_chunk(const struct window *w, const struct progress *p)
{
	return chunk_at(w, p->summed, p->end, p->n_summed);
}

/* Chunks until `lookahead` of them are on their way. */
static void
sum_ahead(struct window *w, struct progress *p)
{
	while (p->summed < p->end && p->n_summed - p->n_done < w->chunks.lookahead) {
		struct sbn_range chunk = next_chunk(w, p);

		sum_chunk(w, p->lane, &chunk, &p->watch);
		p->summed = chunk.end;
		p->n_summed++;
	}
}

/* What sum_and_apply has left, while the peers come to the end of their sums. */
static void
write_rest(struct window *w, struct progress *p, const struct sbn_range *range)
{
	const struct sbn_range beyond = next_chunk(w, p);
	const struct sbn_range beyond_range = range_of(w, &beyond);

	w->pass->apply_rest(w->pass, range, p->summed < p->end ? &beyond_range : NULL);
	sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
}

/* Sums the next chunk and publishes it while one that has been merged is written. */
static void
sum_and_write(struct window *w, struct progress *p, const struct sbn_range *range)
{
	const struct sbn_pass *pass = w->pass;
	const struct sbn_range next = next_chunk(w, p);
	const struct sbn_range next_range = range_of(w, &next);
	const struct sbn_sums own = sbn_row_sums(pass, w->own, next.begin);

	sbn_pass_fetch(pass, next_range.begin, next_range.end);
	pass->sum_and_apply(pass, &next_range, &own, range);
	sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
	publish_chunk(w, p->lane, &next);
	sbn_watch_lap(&p->watch, SBN_EXCHANGE_TICKS);
	p->summed = next.end;
	p->n_summed++;
	if (pass->apply_rest != NULL)
		write_rest(w, p, range);
}

/* Writes a chunk that has been merged, and where it can sums another one meanwhile. */
static void
write_chunk(struct window *w, struct progress *p, const struct sbn_range *chunk)
{
	const struct sbn_range range = range_of(w, chunk);

	if (w->beside && p->summed < p->end) {
		sum_and_write(w, p, &range);
	} else if (w->pass->apply != NULL) {
		w->pass->apply(w->pass, &range);
		sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
	}
}

static void
run_lane(void *argument, int index)
{
	struct window *w = argument;
	struct progress p = {
		.lane = (uint32_t)index,
		.done = sbn_lane_begin(w->n_channels, w->n_lanes, (uint32_t)index),
		.end = sbn_lane_begin(w->n_channels, w->n_lanes, (uint32_t)index + 1),
		.watch = sbn_watch_start(index == 0 ? w->pass->bn->group->trace : NULL),
	};

	p.summed = p.done;
	while (p.done < p.end) {
		const struct sbn_range chunk = chunk_at(w, p.done, p.end, p.n_done);
		bool usable;

		if (w->pass->sum != NULL)
			sum_ahead(w, &p);
		if (merge_all(w, p.lane, &chunk, &usable, &p.watch) != SYNCBN_OK)
			break;
		if (usable)
			write_chunk(w, &p, &chunk);
		p.done = chunk.end;
		p.n_done++;
	}
	if (w->pass->stream)
		sbn_stream_end();
}

static uint32_t
choose_lanes(const struct sbn_pass *pass, uint32_t n_channels, int threads)
{
	uint64_t elements = sbn_geometry_elements(&pass->geometry);
	uint64_t lanes = SBN_MIN(elements / LANE_ELEMENTS + 1, (uint64_t)threads);

	return (uint32_t)SBN_MIN(SBN_MIN(lanes, (uint64_t)SBN_MAX_LANES), (uint64_t)n_channels);
}

/* Ranks that divide differently must not compute means together. */
static uint64_t
shared_settings(const struct sbn_pass *pass)
{
	bool mean = pass->bn->config.param_grad_mode == SYNCBN_PARAM_GRAD_MEAN;

	return pass->bn->settings + (mean ? sbn_group_divisor_word(pass->bn->group) : 0);
}

static syncbn_status_t
begin_call(struct window *w)
{
	struct sbn_pass *pass = w->pass;
	struct syncbn_group *group = pass->bn->group;
	struct sbn_call call = {
		.op = pass->op,
		.layer = pass->bn->number,
		.name = pass->bn->name,
		.n_items = w->n_channels,
		.n_lanes = w->n_lanes,
		.count = pass->count,
		.agreed = { pass->bn->n_channels | (uint64_t)pass->geometry.type << 32,
			    w->first | pass->of_forward << 32, shared_settings(pass),
			    pass->want & ~SYNCBN_ACCUMULATE },
	};
	enum sbn_stream stream = sbn_op_stream(pass->op);
	/* what is exchanged has a sum, so each lane publishes before it waits */
	syncbn_status_t status = w->n_lanes == 1 ?
					 sbn_call_begin_unseen(group, stream, &call, &w->call) :
					 sbn_call_begin(group, stream, &call, &w->call);

	if (status != SYNCBN_OK)
		return status;
	pass->number = w->call.number + 1;
	sbn_trace_add(group->trace, SBN_EXCHANGE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_EXCHANGE_BYTES,
		      w->n_channels * sbn_row_channel_bytes(pass));
	return SYNCBN_OK;
}

static syncbn_status_t
run_window(struct window *w, int threads)
{
	struct sbn_pass *pass = w->pass;
	struct sbn_pair own[SBN_CHANNELS_A_CALL];
	syncbn_status_t status;

	w->n_lanes = choose_lanes(pass, w->n_channels, threads);
	w->chunks = sbn_chunks_choose(pass, (uint32_t)sbn_ceil_div(w->n_channels, w->n_lanes));
	w->beside = pass->sum != NULL && pass->sum_and_apply != NULL && pass->stream;
	w->own = own;
	if (pass->exchange && (status = begin_call(w)) != SYNCBN_OK)
		return status;
	sbn_team_run(pass->bn->group->process->team, threads, (int)w->n_lanes, run_lane, w);
	status = pass->exchange ? sbn_call_end(&w->call) : SYNCBN_OK;
	if (status == SYNCBN_OK)
		pass->total = total_of(w);
	return status;
}

static syncbn_status_t
run_windows(struct sbn_pass *pass, int threads)
{
	const uint32_t n_channels = (uint32_t)pass->geometry.channels;
	const uint32_t most = sbn_row_channels(pass);

	for (uint32_t first = 0; first < n_channels; first += most) {
		struct window w = {
			.pass = pass,
			.first = first,
			.n_channels = SBN_MIN(n_channels - first, most),
		};
		syncbn_status_t status = run_window(&w, threads);

		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
run(struct sbn_pass *pass, int threads)
{
	struct sbn_stopwatch watch = sbn_watch_start(pass->bn->group->trace);
	syncbn_status_t status;

	if (pass->before != NULL)
		pass->before(pass, threads);
	sbn_watch_lap(&watch, SBN_MOMENTS_TICKS);
	status = run_windows(pass, threads);
	if (status != SYNCBN_OK)
		return status;
	if (pass->needs_two && pass->total == 1)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"one value per channel %s: batch statistics need two or more; "
				"use a larger batch, or running statistics",
				pass->exchange ? "in the whole group" : "on this rank");
	sbn_watch_lap(&watch, SBN_COUNTERS);
	if (pass->after != NULL)
		pass->after(pass, threads);
	sbn_watch_lap(&watch, SBN_NORMALIZE_TICKS);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_pipeline_run(struct sbn_pass *pass)
{
	struct sbn_team *team = pass->bn->group->process->team;
	int threads = sbn_team_acquire(team);
	syncbn_status_t status = run(pass, threads);

	sbn_team_release(team, threads);
	return status;
}

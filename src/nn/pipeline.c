/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/pipeline.h"

#include "base/fail.h"
#include "kernels/stream.h"
#include "nn/autotune.h"
#include "nn/exchange_row.h"
#include "nn/share.h"
#include "nn/stopwatch.h"
#include "nn/window.h"

/* How long a peer is waited for before this rank sums more chunks instead. */
enum { LATE_NS = 16 * 1000 };

/* A lane's way through its channels. */
struct progress {
	uint32_t lane;
	uint32_t done, summed, end;
	uint32_t n_done, n_summed; /* chunks up to there */
	uint32_t seen;             /* the peers' sums are there up to there */
	struct sbn_stopwatch watch;
};

/* A lane may begin anywhere: its first chunk ends where the others can begin. */
static struct sbn_range
chunk_at(const struct sbn_window *w, uint32_t begin, uint32_t end, uint32_t number)
{
	struct sbn_range chunk = { .begin = begin,
				   .end = begin + SBN_MIN(end - begin, w->chunks.step),
				   .number = number };

	if (chunk.end < end)
		chunk.end -= (w->first + chunk.end) % w->chunks.whole;
	chunk.left = end - chunk.end;
	return chunk;
}

/* The one that is summed next. */
static struct sbn_range
next_chunk(const struct sbn_window *w, const struct progress *p)
{
	return chunk_at(w, p->summed, p->end, p->n_summed);
}

static void
sum_next(struct sbn_window *w, struct progress *p)
{
	const struct sbn_range chunk = next_chunk(w, p);
	const struct sbn_range range = sbn_window_range(w, &chunk);
	const struct sbn_sums own = sbn_exchange_row_sums(w->pass, w->own, chunk.begin);

	sbn_pass_fetch(w->pass, range.begin, range.end);
	w->pass->sum(w->pass, &range, &own);
	sbn_watch_lap(&p->watch, SBN_MOMENTS_TICKS);
	sbn_window_publish(w, p->lane, &chunk);
	sbn_watch_lap(&p->watch, SBN_EXCHANGE_TICKS);
	p->summed = chunk.end;
	p->n_summed++;
}

/* Whether fewer than so many chunks are on their way, and there are more. */
static bool
can_sum(const struct progress *p, uint32_t lookahead)
{
	return p->summed < p->end && p->n_summed - p->n_done < lookahead;
}

static void
sum_ahead(struct sbn_window *w, struct progress *p)
{
	while (can_sum(p, w->chunks.lookahead))
		sum_next(w, p);
}

static bool
is_late(const struct sbn_window *w, struct progress *p, const struct sbn_range *chunk)
{
	const bool late = sbn_call_is_late(&w->call, p->lane, chunk->begin, chunk->end, LATE_NS);

	sbn_watch_lap(&p->watch, SBN_COUNTERS); /* waiting counts itself */
	return late;
}

/*
 * A peer that has lost its CPU for a while is worked ahead of, instead of waited for: what is
 * summed meanwhile lets it go on when it is this rank's turn to be late.
 */
static void
sum_while_late(struct sbn_window *w, struct progress *p, const struct sbn_range *chunk)
{
	while (can_sum(p, w->chunks.lookahead_while_late) && is_late(w, p, chunk))
		sum_next(w, p);
}

/* What sum_and_apply has left, while the peers come to the end of their sums. */
static void
write_rest(struct sbn_window *w, struct progress *p, const struct sbn_range *range)
{
	const struct sbn_range beyond = next_chunk(w, p);
	const struct sbn_range beyond_range = sbn_window_range(w, &beyond);

	w->pass->apply_rest(w->pass, range, p->summed < p->end ? &beyond_range : NULL);
	sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
}

/* Sums the next chunk and publishes it while one that has been merged is written. */
static void
sum_and_write(struct sbn_window *w, struct progress *p, const struct sbn_range *range)
{
	const struct sbn_pass *pass = w->pass;
	const struct sbn_range next = next_chunk(w, p);
	const struct sbn_range next_range = sbn_window_range(w, &next);
	const struct sbn_sums own = sbn_exchange_row_sums(pass, w->own, next.begin);

	sbn_pass_fetch(pass, next_range.begin, next_range.end);
	pass->sum_and_apply(pass, &next_range, &own, range);
	sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
	sbn_window_publish(w, p->lane, &next);
	sbn_watch_lap(&p->watch, SBN_EXCHANGE_TICKS);
	p->summed = next.end;
	p->n_summed++;
	if (pass->apply_rest != NULL)
		write_rest(w, p, range);
}

/* Writes a chunk that has been merged, and where it can sums another one meanwhile. */
static void
write_chunk(struct sbn_window *w, struct progress *p, const struct sbn_range *chunk)
{
	const struct sbn_range range = sbn_window_range(w, chunk);

	if (w->beside && can_sum(p, w->chunks.lookahead + 1)) {
		sum_and_write(w, p, &range);
	} else if (w->pass->apply != NULL) {
		w->pass->apply(w->pass, &range);
		sbn_watch_lap(&p->watch, SBN_NORMALIZE_TICKS);
	}
}

/* The peers' sums are there when this returns. */
static syncbn_status_t
await(struct sbn_window *w, struct progress *p, const struct sbn_range *chunk)
{
	if (chunk->end <= p->seen)
		return SYNCBN_OK;
	if (w->pass->exchange)
		sum_while_late(w, p, chunk);
	return sbn_window_await(w, p->lane, chunk, &p->watch);
}

/*
 * Merges them; what the peers have said of the next chunk already comes here while this one is
 * written.
 */
static bool
merge(struct sbn_window *w, struct progress *p, const struct sbn_range *chunk,
      struct sbn_pairs *pairs)
{
	const struct sbn_range next = chunk_at(w, chunk->end, p->end, p->n_done + 1);
	bool usable;

	if (pairs->n_ranks == 0)
		sbn_window_pairs(w, pairs);
	sbn_window_hint(w);
	usable = sbn_window_merge(w, chunk, pairs, &p->watch);
	if (next.begin < next.end && sbn_window_fetch(w, &next))
		p->seen = next.end;
	return usable;
}

static void
run_lane(void *argument, int index)
{
	struct sbn_window *w = argument;
	struct progress p = {
		.lane = (uint32_t)index,
		.done = sbn_lane_begin(w->n_channels, w->n_lanes, (uint32_t)index),
		.end = sbn_lane_begin(w->n_channels, w->n_lanes, (uint32_t)index + 1),
		.watch = sbn_watch_start(index == 0 ? w->pass->bn->group->trace : NULL),
	};
	const uint32_t size = w->pass->bn->group->size;
	const struct sbn_pair *row[size];
	const double *low[size];
	double count[size];
	struct sbn_pairs pairs = { .row = row, .low = low, .count = count };

	p.summed = p.seen = p.done;
	while (p.done < p.end) {
		const struct sbn_range chunk = chunk_at(w, p.done, p.end, p.n_done);

		if (w->pass->sum != NULL)
			sum_ahead(w, &p);
		if (await(w, &p, &chunk) != SYNCBN_OK)
			break;
		if (merge(w, &p, &chunk, &pairs))
			write_chunk(w, &p, &chunk);
		p.done = chunk.end;
		p.n_done++;
	}
	if (w->pass->stream)
		sbn_stream_end();
}

/* Ranks that divide differently must not compute means together. */
static uint64_t
shared_settings(const struct sbn_pass *pass)
{
	bool mean = pass->bn->config.param_grad_mode == SYNCBN_PARAM_GRAD_MEAN;

	return pass->bn->settings + (mean ? sbn_group_divisor_word(pass->bn->group) : 0);
}

static syncbn_status_t
begin_call(struct sbn_window *w)
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
		      w->n_channels * sbn_exchange_row_channel_bytes(pass));
	return SYNCBN_OK;
}

/* Whether threads that have channels of their own are not the best way. */
static bool
is_shared(const struct sbn_window *w, int threads)
{
	const struct sbn_pass *pass = w->pass;

	if (threads == 1 || !sbn_share_is_possible(pass))
		return false;
	return pass->share || (pass->bn->group->process->split == SBN_SPLIT_AUTO &&
			       sbn_share_suits(pass, w->n_channels, w->n_lanes, threads));
}

static void
choose_lanes(struct sbn_window *w, int threads)
{
	const uint64_t lanes = sbn_pass_lanes(w->pass, w->n_channels, threads);

	w->n_lanes = (uint32_t)SBN_MIN(lanes, (uint64_t)SBN_MAX_LANES);
	if (is_shared(w, threads) && sbn_share_begin(w, threads))
		return;
	w->chunks = sbn_chunks_choose(w->pass, (uint32_t)sbn_ceil_div(w->n_channels, w->n_lanes));
}

static syncbn_status_t
run_window(struct sbn_window *w, int threads)
{
	struct sbn_pass *pass = w->pass;
	struct sbn_pair own[SBN_CHANNELS_A_CALL];
	syncbn_status_t status;

	choose_lanes(w, threads);
	w->beside = pass->sum != NULL && pass->sum_and_apply != NULL && pass->stream;
	w->own = own;
	if (pass->exchange && (status = begin_call(w)) != SYNCBN_OK)
		return status;
	if (w->n_sharing != 0)
		sbn_share_run(w, threads);
	else
		sbn_team_run(pass->bn->group->process->team, threads, (int)w->n_lanes, run_lane, w);
	status = pass->exchange ? sbn_call_end(&w->call) : SYNCBN_OK;
	if (status == SYNCBN_OK)
		pass->total = sbn_window_total(w);
	return status;
}

static syncbn_status_t
run_windows(struct sbn_pass *pass, int threads)
{
	const uint32_t n_channels = (uint32_t)pass->geometry.channels;
	const uint32_t most = sbn_exchange_row_channels(pass);

	for (uint32_t first = 0; first < n_channels; first += most) {
		struct sbn_window w = {
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

/* What was waited for peers does not count. */
static syncbn_status_t
run_as_chosen(struct sbn_pass *pass, int threads)
{
	const uint64_t *waited = &pass->bn->group->waited_ticks;
	const uint64_t begin = sbn_ticks() - *waited;
	struct sbn_trial *trial = sbn_autotune_take(pass);
	syncbn_status_t status = run(pass, threads);

	if (status == SYNCBN_OK)
		sbn_autotune_took(pass, trial, sbn_ticks() - *waited - begin);
	return status;
}

syncbn_status_t
sbn_pipeline_run(struct sbn_pass *pass)
{
	struct sbn_team *team = pass->bn->group->process->team;
	int threads = sbn_team_acquire(team);
	syncbn_status_t status = run_as_chosen(pass, threads);

	sbn_team_release(team, threads);
	return status;
}

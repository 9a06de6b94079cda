/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/window.h"

#include "comm/copy.h"
#include "nn/exchange_row.h"

struct sbn_range
sbn_window_range(const struct sbn_window *w, const struct sbn_range *chunk)
{
	struct sbn_range range = *chunk;

	range.begin += w->first;
	range.end += w->first;
	return range;
}

void
sbn_window_publish(struct sbn_window *w, uint32_t lane, const struct sbn_range *chunk)
{
	const struct sbn_sums own = sbn_exchange_row_sums(w->pass, w->own, chunk->begin);
	const uint32_t n = chunk->end - chunk->begin;
	struct sbn_sums row;

	if (!w->pass->exchange)
		return;
	row = sbn_exchange_row_sums(w->pass, w->call.row, chunk->begin);
	sbn_copy_out(w->call.group, row.pair, own.pair, n * sizeof(*own.pair));
	if (own.low != NULL)
		sbn_copy_out(w->call.group, row.low, own.low, n * sizeof(*own.low));
	sbn_call_publish(&w->call, lane, chunk->end);
}

static double
count_of(const struct sbn_window *w, uint32_t rank)
{
	return (double)(w->pass->exchange ? sbn_call_header(&w->call, rank)->count :
					    w->pass->count);
}

/* The ranks that take part, into ranks[group size]; where nothing is exchanged, one. */
static uint32_t
roll_of(const struct sbn_window *w, uint32_t *ranks)
{
	ranks[0] = 0;
	return w->pass->exchange ? sbn_call_roll(&w->call, ranks) : 1;
}

double
sbn_window_total(const struct sbn_window *w)
{
	uint32_t ranks[w->pass->bn->group->size];
	uint32_t n_ranks = roll_of(w, ranks);
	double total = 0;

	for (uint32_t i = 0; i < n_ranks; i++)
		total += count_of(w, ranks[i]);
	return total;
}

syncbn_status_t
sbn_window_await(struct sbn_window *w, uint32_t lane, const struct sbn_range *chunk,
		 struct sbn_stopwatch *watch)
{
	syncbn_status_t status;

	if (!w->pass->exchange)
		return SYNCBN_OK;
	status = sbn_call_await(&w->call, lane, chunk->begin, chunk->end);
	if (status == SYNCBN_OK)
		sbn_watch_lap(watch, SBN_COUNTERS); /* waiting counts itself */
	return status;
}

static bool
is_own(const struct sbn_window *w, uint32_t rank)
{
	return !w->pass->exchange || rank == w->pass->bn->group->rank;
}

void
sbn_window_pairs(const struct sbn_window *w, struct sbn_pairs *pairs)
{
	const struct sbn_pass *pass = w->pass;
	uint32_t ranks[pass->bn->group->size];

	pairs->n_ranks = roll_of(w, ranks);
	pairs->first = w->first;
	pairs->total = 0;
	pairs->divisor = pass->exchange ? sbn_call_divisor(&w->call) : pass->bn->group->size;
	for (uint32_t i = 0; i < pairs->n_ranks; i++) {
		if (is_own(w, ranks[i]))
			pairs->self = i;
		/* the peers' reads take the own row's lines, and reading it would take them back */
		pairs->row[i] = is_own(w, ranks[i]) ? w->own : sbn_call_row(&w->call, ranks[i]);
		pairs->low[i] = sbn_exchange_row_low(pairs->row[i]);
		pairs->count[i] = count_of(w, ranks[i]);
		pairs->total += pairs->count[i];
	}
	if (!sbn_exchange_row_has_low(pass))
		pairs->low = NULL;
}

static void
fetch_row(const struct sbn_window *w, const struct sbn_pair *row, const struct sbn_range *chunk)
{
	sbn_fetch_ahead(w->call.ring, row + chunk->begin,
			(chunk->end - chunk->begin) * sizeof(*row));
}

bool
sbn_window_merge(const struct sbn_window *w, const struct sbn_range *chunk,
		 const struct sbn_pairs *pairs, struct sbn_stopwatch *watch)
{
	const struct sbn_pass *pass = w->pass;
	bool usable;

	for (uint32_t i = 0; pass->sum != NULL && i < pairs->n_ranks; i++)
		if (i != pairs->self)
			fetch_row(w, pairs->row[i], chunk);
	usable = pass->merge(pass, w->first + chunk->begin, w->first + chunk->end,
			     pass->sum != NULL ? pairs : NULL);
	sbn_watch_lap(watch, SBN_EXCHANGE_TICKS);
	return usable;
}

void
sbn_window_hint(const struct sbn_window *w)
{
	if (w->pass->exchange)
		sbn_call_hint(&w->call);
}

bool
sbn_window_fetch(const struct sbn_window *w, const struct sbn_range *later)
{
	const struct syncbn_group *group = w->pass->bn->group;

	if (!w->pass->exchange || !sbn_call_is_there(&w->call, later->begin, later->end))
		return false;
	for (uint32_t i = 0; i + 1 < group->size; i++)
		fetch_row(w, sbn_call_row(&w->call, group->peers[i]), later);
	return true;
}

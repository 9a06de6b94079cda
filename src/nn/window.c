/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/window.h"

#include "comm/copy.h"
#include "nn/row.h"

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

static bool
merge(const struct sbn_window *w, const struct sbn_range *chunk)
{
	const uint32_t begin = chunk->begin, end = chunk->end;
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

syncbn_status_t
sbn_window_await(struct sbn_window *w, uint32_t lane, const struct sbn_range *chunk, bool *usable,
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
	*usable = pass->sum != NULL ? merge(w, chunk) :
				      pass->merge(pass, w->first + begin, w->first + end, NULL);
	sbn_watch_lap(watch, SBN_EXCHANGE_TICKS);
	return SYNCBN_OK;
}

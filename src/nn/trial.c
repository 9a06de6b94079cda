/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/trial.h"

#include "base/math.h"

enum { CLOSE = 8 }; /* within an eighth of the shortest */

static bool
is_close(const struct sbn_trial *trial, unsigned way)
{
	return (trial->close >> way & 1) != 0;
}

static uint32_t
n_close(const struct sbn_trial *trial)
{
	uint32_t n = 0;

	for (unsigned way = 0; way < trial->ways; way++)
		n += is_close(trial, way);
	return n;
}

/* Whether two ways or more were so close that more calls decide. */
static bool
is_long(const struct sbn_trial *trial)
{
	return n_close(trial) > 1;
}

bool
sbn_trial_is_over(const struct sbn_trial *trial)
{
	const uint32_t more = is_long(trial) ? n_close(trial) * SBN_CLOSE_TRIES : 0;

	return trial->ways != 0 && trial->calls == trial->ways * SBN_TRIES + more;
}

/* Of the ways that there are, which may be fewer than were tried; close: of those alone. */
static unsigned
find_shortest(const struct sbn_trial *trial, unsigned ways, bool close)
{
	const size_t which = sbn_trial_is_over(trial) && close ? SBN_TRIAL_KEPT - 1 : 1;
	uint64_t least = UINT64_MAX;
	unsigned best = SBN_MOST_WAYS;

	for (unsigned way = 0; way < SBN_MIN(ways, trial->ways); way++) {
		if (close && !is_close(trial, way))
			continue;
		if (best == SBN_MOST_WAYS || trial->shortest[way][which] < least) {
			best = way;
			least = trial->shortest[way][which];
		}
	}
	return best;
}

unsigned
sbn_trial_shortest(const struct sbn_trial *trial, unsigned ways)
{
	unsigned best = find_shortest(trial, ways, true);

	if (best == SBN_MOST_WAYS)
		best = find_shortest(trial, ways, false);
	return best == SBN_MOST_WAYS ? 0 : best; /* nothing was tried */
}

/* The way of an open trial's present call. */
static unsigned
present_way(const struct sbn_trial *trial)
{
	uint32_t n, turn, at;
	unsigned way = 0;

	if (trial->close == 0)
		return trial->calls % trial->ways;
	n = n_close(trial);
	turn = trial->calls - trial->ways * SBN_TRIES;
	at = turn / n % 2 == 0 ? turn % n : n - 1 - turn % n;
	for (; at != 0 || !is_close(trial, way); way++)
		at -= is_close(trial, way);
	return way;
}

static void
begin(struct sbn_trial *trial, unsigned ways, uint64_t work)
{
	*trial = (struct sbn_trial){ .work = work, .ways = ways };
	for (unsigned way = 0; way < ways; way++)
		for (size_t i = 0; i < SBN_TRIAL_KEPT; i++)
			trial->shortest[way][i] = UINT64_MAX;
}

unsigned
sbn_trial_way(struct sbn_trial *trial, unsigned ways, uint64_t work)
{
	if (sbn_trial_is_over(trial)) {
		if (trial->since++ < SBN_TRIAL_LASTS)
			return sbn_trial_shortest(trial, ways);
		trial->ways = 0;
	}
	if (trial->work != work || trial->ways != ways)
		begin(trial, ways, work);
	return present_way(trial);
}

void
sbn_trial_again(struct sbn_trial *trial)
{
	trial->since = SBN_TRIAL_LASTS;
}

/* All have been tried: which ones are worth more calls. */
static void
choose_close(struct sbn_trial *trial)
{
	const uint64_t least = trial->shortest[sbn_trial_shortest(trial, trial->ways)][1];

	for (unsigned way = 0; way < trial->ways; way++)
		if (trial->shortest[way][1] == least ||
		    trial->shortest[way][1] < least + least / CLOSE)
			trial->close |= UINT32_C(1) << way;
}

void
sbn_trial_took(struct sbn_trial *trial, uint64_t ticks)
{
	uint64_t *shortest;

	if (sbn_trial_is_over(trial))
		return;
	shortest = trial->shortest[present_way(trial)];
	for (size_t i = 0; i < SBN_TRIAL_KEPT; i++) {
		const uint64_t longer = SBN_MAX(shortest[i], ticks);

		shortest[i] = SBN_MIN(shortest[i], ticks);
		ticks = longer;
	}
	trial->calls++;
	if (trial->close == 0 && trial->calls == trial->ways * SBN_TRIES)
		choose_close(trial);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/trial.h"

#include "base/math.h"

bool
sbn_trial_is_over(const struct sbn_trial *trial)
{
	return trial->ways != 0 && trial->calls == trial->ways * SBN_TRIES;
}

/* Of the ways that there are, which may be fewer than were tried. */
unsigned
sbn_trial_shortest(const struct sbn_trial *trial, unsigned ways)
{
	unsigned best = 0;

	for (unsigned way = 1; way < SBN_MIN(ways, trial->ways); way++)
		if (trial->second[way] < trial->second[best])
			best = way;
	return best;
}

unsigned
sbn_trial_way(struct sbn_trial *trial, unsigned ways, uint64_t work)
{
	if (sbn_trial_is_over(trial)) {
		if (trial->since++ < SBN_TRIAL_LASTS)
			return sbn_trial_shortest(trial, ways);
		trial->calls = 0;
	}
	if (trial->calls == 0 || trial->work != work || trial->ways != ways) {
		*trial = (struct sbn_trial){ .work = work, .ways = ways };
		for (unsigned way = 0; way < ways; way++)
			trial->least[way] = trial->second[way] = UINT64_MAX;
	}
	return trial->calls % ways;
}

void
sbn_trial_took(struct sbn_trial *trial, uint64_t ticks)
{
	uint32_t way;

	if (sbn_trial_is_over(trial))
		return;
	way = trial->calls % trial->ways;
	trial->second[way] = SBN_MIN(trial->second[way], SBN_MAX(trial->least[way], ticks));
	trial->least[way] = SBN_MIN(trial->least[way], ticks);
	trial->calls++;
}

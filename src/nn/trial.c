/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/trial.h"

#include "base/math.h"

bool
sbn_trial_is_over(const struct sbn_trial *trial)
{
	return trial->calls == 2 * SBN_TRIES;
}

unsigned
sbn_trial_way(struct sbn_trial *trial, uint64_t work)
{
	if (sbn_trial_is_over(trial))
		return trial->least[1] < trial->least[0];
	if (trial->calls == 0 || trial->work != work)
		*trial = (struct sbn_trial){ work, { UINT64_MAX, UINT64_MAX }, 0 };
	return trial->calls % 2;
}

void
sbn_trial_took(struct sbn_trial *trial, uint64_t ticks)
{
	uint64_t *least = &trial->least[trial->calls % 2];

	if (sbn_trial_is_over(trial))
		return;
	*least = SBN_MIN(*least, ticks);
	trial->calls++;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/pace.h"

#include "base/math.h"

/* Into its place among the first ones. */
static void
keep(struct sbn_pace *pace, uint64_t ticks)
{
	for (uint32_t i = 0; i < pace->calls; i++) {
		const uint64_t longer = SBN_MAX(pace->first[i], ticks);

		pace->first[i] = SBN_MIN(pace->first[i], ticks);
		ticks = longer;
	}
	pace->first[pace->calls] = ticks;
}

bool
sbn_pace_changed(struct sbn_pace *pace, uint64_t work, uint64_t ticks)
{
	const uint64_t usual = pace->first[SBN_PACE_CALLS / 2];

	if (pace->calls == 0)
		pace->work = work;
	if (pace->work != work)
		return false;
	if (pace->calls < SBN_PACE_CALLS)
		keep(pace, ticks);
	else if (ticks > usual + usual / 4 || ticks < usual - usual / 5)
		pace->apart++;
	else
		pace->apart /= 2; /* memory that changes all the time is not worth a trial */
	if (pace->calls < SBN_PACE_LEAST)
		pace->calls++;
	return pace->calls == SBN_PACE_LEAST && pace->apart >= SBN_PACE_APART;
}

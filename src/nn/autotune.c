/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/autotune.h"

/*
 * What this call is tried out for, if anything: the first choice that is open. Meanwhile others
 * keep what they have found, or the way that the pass has.
 */
static const struct sbn_choice *
take_ways(struct sbn_pass *pass)
{
	const struct sbn_choice *open = NULL;

	for (int i = 0; i < pass->n_choices; i++) {
		const struct sbn_choice *choice = &pass->choice[i];

		if (open == NULL) {
			*choice->way = sbn_trial_way(choice->trial, choice->ways,
						     sbn_pass_bytes_read(pass));
			if (!sbn_trial_is_over(choice->trial))
				open = choice;
		} else if (sbn_trial_is_over(choice->trial)) {
			*choice->way = sbn_trial_shortest(choice->trial, choice->ways);
		}
	}
	return open;
}

struct sbn_trial *
sbn_autotune_take(struct sbn_pass *pass)
{
	const struct sbn_choice *open = take_ways(pass);

	if (open != NULL && open->fetches)
		pass->fetch_lines = open->lines;
	sbn_pass_take_way(pass);
	return open == NULL ? NULL : open->trial;
}

/* Behind all trials: where calls have come to take another time, each way is tried out again. */
static void
keep_pace(const struct sbn_pass *pass, struct sbn_pace *pace, uint64_t ticks)
{
	if (!sbn_pace_changed(pace, sbn_pass_bytes_read(pass), ticks))
		return;
	for (int i = 0; i < pass->n_choices; i++)
		sbn_trial_again(pass->choice[i].trial);
}

void
sbn_autotune_took(const struct sbn_pass *pass, struct sbn_trial *trial, uint64_t ticks)
{
	struct sbn_pace *pace = &pass->bn->pace[sbn_pass_kind(pass)];

	if (trial != NULL) {
		sbn_trial_took(trial, ticks);
		*pace = (struct sbn_pace){ 0 };
	} else if (pass->n_choices != 0) {
		keep_pace(pass, pace, ticks);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_report.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

const char *const fm_phase_words[FM_PHASES] = { "moments", "exchange", "waiting", "normalize",
						"reduce", "rest" };

enum style { SILENT, LINES, ONE_LINE };

double
fm_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void
fm_progress_begin(struct fm_progress *progress, const struct fm_options *options,
		  syncbn_group_t *world, long first)
{
	double now = fm_seconds();

	*progress = (struct fm_progress){
		.first = first,
		.steps = options->steps,
		.images_per_step = (double)options->batch * syncbn_group_size(world),
		.begun = now,
		.shown = now,
	};
	if (syncbn_group_rank(world) == 0 && !options->quiet)
		progress->style = isatty(STDOUT_FILENO) ? ONE_LINE : LINES;
	if (progress->style != SILENT && first > 0)
		printf("going on from the checkpoint of step %ld\n", first);
}

/* A terminal's line changes five times a second; elsewhere there are ten lines a run. */
static int
is_due(const struct fm_progress *progress, long done, double now)
{
	if (progress->style == LINES)
		return done * 10 / progress->steps != (done - 1) * 10 / progress->steps;
	return now - progress->shown >= 0.2 || done == progress->steps;
}

void
fm_progress_step(struct fm_progress *progress, long step, double loss)
{
	double now, elapsed;
	long done = step + 1, here = done - progress->first;

	if (progress->style == SILENT)
		return;
	now = fm_seconds();
	if (!is_due(progress, done, now))
		return;
	progress->shown = now;
	elapsed = now - progress->begun;
	if (progress->style == ONE_LINE)
		printf("\r");
	printf("step %ld of %ld   loss %.4f   %.0f images/s   %.0f s left", done, progress->steps,
	       loss, (double)here * progress->images_per_step / elapsed,
	       elapsed / (double)here * (double)(progress->steps - done));
	if (progress->style == ONE_LINE)
		printf("\033[K"); /* clears what a longer line left */
	if (progress->style == LINES || done == progress->steps)
		printf("\n");
	fflush(stdout);
}

void
fm_report_text(const struct fm_options *options, const struct fm_results *results)
{
	printf("%s, %s batch norm, %d x %ld images a step: train loss %.4f, "
	       "test accuracy %.2f %%, %.0f images/s\n",
	       fm_network_words[options->model], fm_norm_words[options->bn], results->world_size,
	       options->batch, results->train_loss, 100 * results->accuracy,
	       results->images_per_second);
	printf("time on rank 0:");
	for (int i = 0; i < FM_PHASES; i++)
		printf("%s %s %.2f s (%.0f %%)", i ? "," : "", fm_phase_words[i],
		       results->phases[i], 100 * results->phases[i] / results->seconds);
	printf("\n");
}

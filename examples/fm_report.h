/* SPDX-License-Identifier: Apache-2.0 */
/* What a run shows while it trains, and what it found out. */
#ifndef FM_REPORT_H
#define FM_REPORT_H

#include <stdint.h>

#include "fm_error.h"
#include "fm_options.h"

/* Where the training's wall time went on rank 0. */
enum fm_phase { FM_MOMENTS, FM_EXCHANGE, FM_WAITING, FM_NORMALIZE, FM_REDUCE, FM_REST, FM_PHASES };

extern const char *const fm_phase_words[FM_PHASES];

struct fm_results {
	int world_size;
	double *losses; /* [steps], the means over the ranks */
	long first_step; /* of this process: the ones before are a checkpoint's */
	double train_loss; /* the mean of the last 50 */
	double seconds; /* of the training loop */
	double images_per_second; /* of all ranks together */
	double phases[FM_PHASES]; /* seconds */
	uint64_t exchange_calls, exchange_bytes;
	double accuracy, accuracy_rank0, accuracy_average;
	uint64_t *checksums; /* [world_size] */
};

struct fm_progress {
	int style;
	long first, steps;
	double images_per_step; /* of all ranks */
	double begun, shown;    /* seconds */
};

double fm_seconds(void);

/* Shows nothing on other ranks than 0, and nothing when quiet. */
void fm_progress_begin(struct fm_progress *progress, const struct fm_options *options,
		       syncbn_group_t *world, long first);
void fm_progress_step(struct fm_progress *progress, long step, double loss);

void fm_report_text(const struct fm_options *options, const struct fm_results *results);

#endif

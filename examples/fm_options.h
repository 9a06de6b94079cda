/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef FM_OPTIONS_H
#define FM_OPTIONS_H

#include "fm_error.h"

enum fm_network { FM_CONV, FM_MLP };
enum fm_norm { FM_SYNC, FM_LOCAL };
enum fm_shards { FM_IID, FM_CLASS };
enum fm_resume { FM_RESUME_NO, FM_RESUME_AUTO };

struct fm_options {
	long model;    /* enum fm_network */
	long bn;       /* enum fm_norm */
	long shards;   /* enum fm_shards */
	long steps;
	long batch;    /* images a rank takes in a step */
	long as_ranks; /* how many ranks' class shards a lone rank's batch is composed of */
	long seed;
	double lr;     /* at the first step; falls along a cosine to 0 */
	const char *data;
	const char *json; /* NULL: none */
	const char *checkpoint; /* the directory; NULL: none */
	long checkpoint_every;  /* steps */
	long resume;            /* enum fm_resume */
	long crash_at; /* the last rank kills itself before this step; 0: never */
	long quiet;
	long help;
};

/* The words of the options, by their enums. */
extern const char *const fm_network_words[];
extern const char *const fm_norm_words[];
extern const char *const fm_shards_words[];
extern const char *const fm_resume_words[];

/* FM_REFUSED after saying why. With options->help set there is nothing left to do. */
enum fm_exit fm_options_parse(int argc, char **argv, struct fm_options *options);

/* What can only be judged when the number of ranks is known. */
void fm_options_check(const struct fm_options *options, int world_size, struct fm_refusal *refusal);

#endif

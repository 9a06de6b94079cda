/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of syncbn-perf env. */
#ifndef SYNCBN_PERF_ENV_OPTIONS_H
#define SYNCBN_PERF_ENV_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

struct perf_env_options {
	uint64_t n_ranks; /* 0: none are started */
	bool oversubscribe;
	bool help;
};

/* argv[0] is the command. INVALID: the detail names the option and offers the nearest word. */
syncbn_status_t perf_env_options_parse(int argc, char **argv, struct perf_env_options *options);

/* The text of --help: fits a screen of 80 columns. */
extern const char perf_env_help[];

#endif

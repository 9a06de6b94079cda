/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_env_options.h"

#include <string.h>

#include "base/fail.h"
#include "perf_args.h"
#include "shm/layout.h"

const char perf_env_help[] =
	"usage: syncbn-perf env [options]\n"
	"       syncbn-run -n N syncbn-perf env\n"
	"\n"
	"Shows what of this machine matters to speed: topology, caches, huge pages,\n"
	"/dev/shm, NUMA balancing, clock, CPU features, the kernels chosen, threads, the\n"
	"environment's SYNCBN_ variables, each checked, and what the collectives choose\n"
	"when ranks join.\n"
	"\n"
	"  -n N                 start this many ranks, and show what they chose\n"
	"                       (default: none are started)\n"
	"  --oversubscribe      allow more ranks than processing units; goes with -n\n"
	"\n"
	"Exit codes: 0; 1 a failure; 2 usage.\n";

static syncbn_status_t
take_ranks(void *context, const char *name, const char *text)
{
	struct perf_env_options *options = context;

	return perf_arg_count(name, text, 1, SBN_MAX_RANKS, &options->n_ranks);
}

static syncbn_status_t
take_flag(void *context, const char *name, const char *text)
{
	struct perf_env_options *options = context;

	(void)text;
	if (strcmp(name, "--oversubscribe") == 0)
		options->oversubscribe = true;
	else
		options->help = true;
	return SYNCBN_OK;
}

static const struct perf_arg args[] = {
	{ "-n", false, take_ranks },
	{ "--oversubscribe", true, take_flag },
	{ "--help", true, take_flag },
	{ "-h", true, take_flag },
};

syncbn_status_t
perf_env_options_parse(int argc, char **argv, struct perf_env_options *options)
{
	syncbn_status_t status;

	*options = (struct perf_env_options){ 0 };
	status = perf_args_parse(argc, argv, args, sizeof(args) / sizeof(args[0]), options, NULL);
	if (status == SYNCBN_OK && !options->help && options->oversubscribe &&
	    options->n_ranks == 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--oversubscribe: env starts no ranks of its own accord; add -n N, "
				"or leave it out");
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* syncbn-perf: measures and shows what matters to speed; each subcommand is a file of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncbn/version.h>

#include "base/parse.h"
#include "launch/descriptors.h"
#include "perf_bn.h"
#include "perf_collective.h"
#include "perf_end.h"
#include "perf_env.h"

static const char usage[] =
	"usage: syncbn-perf COMMAND [options]\n"
	"\n"
	"  env            what of this machine matters to speed: topology, caches, huge\n"
	"                 pages, /dev/shm, clock, CPU features and the kernels chosen\n"
	"  bn             times batch norms beside a copy of the same memory\n"
	"  exchange       times the exchange of a batch norm's moments between ranks\n"
	"  allreduce      times sums of arrays, anywhere or in an arena\n"
	"  barrier        times the barrier\n"
	"  overlap        times all-reduces in flight during a backward pass\n"
	"  COMMAND --help has the options; exchange, allreduce and barrier are measured\n"
	"  beside MPI and gloo on demand, bn beside oneDNN and PyTorch\n"
	"  --help, --version\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "env", perf_env },
	{ "bn", perf_bn },
	{ "exchange", perf_collective },
	{ "allreduce", perf_collective },
	{ "barrier", perf_collective },
	{ "overlap", perf_collective },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]), EXIT_USAGE = 2 };

static int
refuse(const char *word)
{
	const char *words[N_COMMANDS + 2] = { "--help", "--version" };
	const char *nearest;

	for (size_t i = 0; i < N_COMMANDS; i++)
		words[i + 2] = commands[i].name;
	nearest = sbn_nearest_word(word, words, N_COMMANDS + 2);
	if (word[0] == '-' && nearest == NULL)
		fprintf(stderr,
			"syncbn-perf: %s: the command comes first, then its options: "
			"syncbn-perf bn %s ...\n",
			word, word);
	else if (nearest != NULL)
		fprintf(stderr, "syncbn-perf: unknown command %s; did you mean %s?\n", word,
			nearest);
	else
		fprintf(stderr, "syncbn-perf: unknown command %s; --help lists them\n", word);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	sbn_keep_standard_descriptors();
	if (argc < 2) {
		fputs("syncbn-perf: a command is missing; --help lists them\n", stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, stdout);
		return perf_end_stdout(EXIT_SUCCESS);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("syncbn-perf " SYNCBN_VERSION);
		return perf_end_stdout(EXIT_SUCCESS);
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return refuse(argv[1]);
}

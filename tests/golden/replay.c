/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: runs recorded cases through the library and compares with their reference
 * (tests/golden/README.md). Called as --rank it is one of the processes that do it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "golden/options.h"
#include "golden/rank.h"
#include "golden/run.h"
#include "golden/sets.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- what is told ---- */

static double
worst_of(const struct golden_entry *entry, enum golden_array array)
{
	double worst = -1;

	for (int rank = 0; rank < entry->world; rank++)
		if (entry->mark[rank].worst[array] > worst)
			worst = entry->mark[rank].worst[array];
	return worst;
}

static int
failed_rank(const struct golden_entry *entry)
{
	for (int rank = 0; rank < GOLDEN_RANKS; rank++)
		if (entry->mark[rank].failed)
			return rank;
	return -1;
}

/* One line a case; of a failure a second one says what it was. */
static bool
tell_case(const struct golden_entry *entry)
{
	int failed = failed_rank(entry);

	printf("%-36s", entry->name);
	for (int array = 0; array < GOLDEN_ARRAYS; array++) {
		double worst = worst_of(entry, (enum golden_array)array);

		printf(" %s ", golden_array_names[array]);
		printf(worst < 0 ? "-" : worst == 0 ? "0" : "%.1e", worst);
	}
	puts(failed >= 0 ? " FAIL" : " ok");
	if (failed >= 0)
		printf("    rank %d: %s\n", failed, entry->mark[failed].reason);
	return failed < 0;
}

static int
tell(const struct golden_board *board)
{
	uint32_t n_passed = 0;

	for (uint32_t i = 0; i < board->n; i++)
		n_passed += tell_case(&board->entry[i]);
	printf("%u passed, %u failed\n", n_passed, board->n - n_passed);
	if (fflush(stdout) != 0) {
		perror("replay: standard output");
		return EXIT_FAILED;
	}
	return n_passed == board->n ? EXIT_SUCCESS : EXIT_FAILED;
}

/* ---- the chapters ---- */

static int
give_up(int code)
{
	fprintf(stderr, "replay: %s\n", sbn_last_error());
	return code;
}

static int
replay(const struct golden_options *options)
{
	struct golden_board *board;
	bool interrupted;
	int board_fd;

	if (golden_sets_open(options->sets, &board, &board_fd) != SYNCBN_OK)
		return give_up(EXIT_USAGE);
	board->layout = options->layout;
	snprintf(board->transport, sizeof(board->transport), "%s", options->transport);
	if (golden_run(board, board_fd, &interrupted) != SYNCBN_OK)
		return give_up(EXIT_FAILED);
	if (interrupted)
		return EXIT_FAILED;
	return tell(board);
}

int
main(int argc, char **argv)
{
	struct golden_options options;

	/* what the launcher's code gives the ranks of a run */
	if (argc == 3 && strcmp(argv[1], "--rank") == 0)
		return golden_rank(atoi(argv[2]));
	if (golden_options_parse(argc, argv, &options) != SYNCBN_OK)
		return give_up(EXIT_USAGE);
	if (options.help) {
		fputs(golden_options_help, stdout);
		return EXIT_SUCCESS;
	}
	return replay(&options);
}

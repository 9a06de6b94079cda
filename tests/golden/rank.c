/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/rank.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "golden/board.h"
#include "golden/play.h"
#include "shm/contract.h"

/* A rank that is stuck outside the library's own waits is ended by a signal. */
enum { CASE_SECONDS = 120 };

/* After these the group works on; after all others the run is over. */
static bool
is_harmless(syncbn_status_t status)
{
	return status == SYNCBN_OK || status == SYNCBN_ERR_INVALID ||
	       status == SYNCBN_ERR_UNSUPPORTED;
}

static syncbn_status_t
play_entry(const struct golden_board *board, const struct golden_entry *entry,
	   syncbn_group_t *world, struct golden_mark *mark)
{
	const char *transport = syncbn_group_transport(world);
	struct golden_case c;
	syncbn_status_t status = golden_case_read(entry->path, &c);

	if (board->transport[0] != '\0' && strcmp(board->transport, transport) != 0)
		golden_mark_fail(mark, "the transport of a world of %d is %s, not %s", entry->world,
				 transport, board->transport);
	if (status == SYNCBN_OK)
		status = golden_case_load(&c);
	if (status == SYNCBN_OK)
		status = golden_play(&c, world, board->layout, mark);
	else
		golden_mark_fail(mark, "%s", sbn_last_error());
	golden_case_free(&c);
	return status;
}

static int
play_board(struct golden_board *board, syncbn_group_t *world)
{
	syncbn_status_t status = SYNCBN_OK;
	int rank = syncbn_group_rank(world);

	for (uint32_t i = 0; i < board->n && is_harmless(status); i++) {
		struct golden_entry *entry = &board->entry[i];

		if (!entry->wanted)
			continue;
		alarm(CASE_SECONDS);
		status = play_entry(board, entry, world, &entry->mark[rank]);
	}
	alarm(0);
	return is_harmless(status) ? 0 : 1;
}

/* Transport self is that of a process which no launcher has started. */
static void
choose_transport(const struct golden_board *board)
{
	const char *size = getenv("WORLD_SIZE");

	if (strcmp(board->transport, "self") == 0 && size != NULL && strcmp(size, "1") == 0)
		unsetenv(SBN_ENV_CONTRACT);
}

int
golden_rank(int board_fd)
{
	struct golden_board *board;
	syncbn_group_t *world;
	int code;

	if (golden_board_attach(board_fd, &board) != SYNCBN_OK) {
		fprintf(stderr, "replay: %s\n", sbn_last_error());
		return 2;
	}
	choose_transport(board);
	if (syncbn_init(NULL, &world) != SYNCBN_OK) {
		fprintf(stderr, "replay: %s\n", syncbn_last_error());
		return 1;
	}
	code = play_board(board, world);
	if (syncbn_finalize(world) != SYNCBN_OK && code == 0) {
		fprintf(stderr, "replay: %s\n", syncbn_last_error());
		code = 1;
	}
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/board.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

const char *const golden_array_names[GOLDEN_ARRAYS] = { "y",    "dx",  "dz", "gw", "gb",
							"mean", "var", "rm", "rv" };

static syncbn_status_t
map(int fd, size_t bytes, struct golden_board **board)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "mmap of the board");
	*board = memory;
	return SYNCBN_OK;
}

syncbn_status_t
golden_board_new(uint32_t n, struct golden_board **board, int *fd)
{
	size_t bytes = sizeof(**board) + n * sizeof((*board)->entry[0]);
	syncbn_status_t status;

	/* not closed by exec: the ranks find it under its number */
	*fd = memfd_create("golden", 0);
	if (*fd < 0 || ftruncate(*fd, (off_t)bytes) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "memfd_create");
	status = map(*fd, bytes, board);
	if (status == SYNCBN_OK)
		(*board)->n = n;
	return status;
}

syncbn_status_t
golden_board_attach(int fd, struct golden_board **board)
{
	struct stat about;

	if (fstat(fd, &about) != 0 || (size_t)about.st_size < sizeof(**board))
		return sbn_fail(SYNCBN_ERR_INVALID, "descriptor %d is no board", fd);
	return map(fd, (size_t)about.st_size, board);
}

void
golden_mark_fail(struct golden_mark *mark, const char *format, ...)
{
	va_list args;

	if (mark->failed)
		return;
	mark->failed = true;
	va_start(args, format);
	vsnprintf(mark->reason, sizeof(mark->reason), format, args);
	va_end(args);
}

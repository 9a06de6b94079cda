/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a process writes is still read. */
#ifndef SBN_BASE_READER_H
#define SBN_BASE_READER_H

#include <poll.h>
#include <stdbool.h>

/* Of a pipe that nobody reads any more: who writes there ends with SIGPIPE. Not of files. */
static inline bool
sbn_reader_is_gone(int fd)
{
	struct pollfd writing = { .fd = fd, .events = POLLOUT };

	return poll(&writing, 1, 0) == 1 && (writing.revents & POLLERR) != 0;
}

#endif

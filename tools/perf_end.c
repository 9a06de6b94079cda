/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_end.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/reader.h"

enum { EXIT_USAGE = 2 };

int
perf_tell(syncbn_status_t status)
{
	/* with its reader a rank is lost that prints, and there is nothing to tell */
	if (status != SYNCBN_ERR_PEER_LOST || !sbn_reader_is_gone(STDOUT_FILENO))
		fprintf(stderr, "syncbn-perf: %s\n", sbn_last_error());
	return status == SYNCBN_ERR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
}

int
perf_end_stdout(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fprintf(stderr, "syncbn-perf: cannot write standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

syncbn_status_t
perf_check_ranks(const syncbn_group_t *group, uint64_t n_ranks)
{
	int size = syncbn_group_size(group);

	if (n_ranks == 0 || n_ranks == (uint64_t)size)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"-n %llu: the launcher has started %d ranks; leave -n out",
			(unsigned long long)n_ranks, size);
}

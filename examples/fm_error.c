/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char prefix[48] = "fashion_mnist";

void
fm_error_set_rank(int rank, int world_size)
{
	if (world_size > 1)
		snprintf(prefix, sizeof(prefix), "fashion_mnist: rank %d", rank);
}

void
fm_error(const char *format, ...)
{
	char line[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	/* one call, one write: the lines of several ranks do not mix */
	fprintf(stderr, "%s: %s\n", prefix, line);
}

enum fm_exit
fm_library(const char *what, syncbn_status_t status)
{
	const char *detail = syncbn_last_error();

	if (status == SYNCBN_OK)
		return FM_DONE;
	fm_error("%s: %s%s%s", what, syncbn_strerror(status), detail[0] ? ": " : "", detail);
	return FM_FAILED;
}

void
fm_refuse(struct fm_refusal *refusal, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, list);
	va_end(list);
}

enum fm_exit
fm_agree(syncbn_group_t *world, const struct fm_refusal *refusal)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world), first = 0;
	double *refuses = calloc((size_t)size, sizeof(*refuses));
	enum fm_exit code;

	if (!refuses)
		return fm_library("agreeing", SYNCBN_ERR_NO_MEMORY);
	refuses[rank] = refusal->text[0] != '\0';
	code = fm_library("agreeing", syncbn_all_reduce(world, refuses, (size_t)size,
							SYNCBN_FLOAT64, SYNCBN_SUM));
	if (code != FM_DONE)
		goto out;
	while (first < size && refuses[first] == 0)
		first++;
	if (first == rank)
		fm_error("%s", refusal->text);
	if (first < size) {
		syncbn_barrier(world); /* nobody ends, and so stops the others, before that line */
		code = FM_REFUSED;
	}
out:
	free(refuses);
	return code;
}

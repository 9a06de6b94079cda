/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_tuning.h"

#include <inttypes.h>

static void
print_from(FILE *file, const char *what, uint32_t from)
{
	if (from == SBN_NEVER)
		fprintf(file, "%s never", what);
	else
		fprintf(file, "%s from %" PRIu32 " bytes", what, from);
}

void
perf_tuning_print(FILE *file, struct sbn_tuning tuning)
{
	print_from(file, "rows fetched first", tuning.take_from);
	print_from(file, ", past the caches", tuning.stream_from);
	print_from(file, ", reduce-scatter", tuning.scatter_from);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cache.h"

#include <unistd.h>

enum { NEAR_BYTES = 48 * 1024 };

struct sbn_cache
sbn_cache_find(void)
{
	long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE), ways = sysconf(_SC_LEVEL2_CACHE_ASSOC);
	bool near = sysconf(_SC_LEVEL1_DCACHE_SIZE) >= NEAR_BYTES;

	if (bytes <= 0 || ways <= 0)
		return (struct sbn_cache){ 1024 * 1024, 128 * 1024, near };
	return (struct sbn_cache){ (size_t)bytes, (size_t)(bytes / ways), near };
}

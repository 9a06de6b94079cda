/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/alloc.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/math.h"
#include "platform/mempolicy.h"

/* Stands in the line before the caller's bytes. */
struct header {
	void *map;
	size_t map_bytes;
};

_Static_assert(sizeof(struct header) <= SBN_ALLOC_ALIGN, "the header fits the line before");

void *
sbn_alloc(size_t bytes, const struct sbn_nodes *nodes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	bool huge = bytes >= SBN_HUGE_PAGE;
	size_t align = huge ? SBN_HUGE_PAGE : page;
	unsigned char *map, *data;
	size_t map_bytes;

	if (bytes == 0 || bytes > PTRDIFF_MAX / 2)
		return NULL;
	/* room for the header's line, and to begin large buffers at a huge page */
	map_bytes = sbn_align_up(bytes, page) + align + page;
	map = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	data = (unsigned char *)sbn_align_up((uintptr_t)map + SBN_ALLOC_ALIGN, align);
	if (nodes != NULL && !sbn_nodes_empty(nodes))
		sbn_memory_prefer(map, map_bytes, nodes);
	if (huge)
		madvise(data, sbn_align_up(bytes, page), MADV_HUGEPAGE);
	*(struct header *)(data - SBN_ALLOC_ALIGN) =
		(struct header){ .map = map, .map_bytes = map_bytes };
	return data;
}

void
sbn_free(void *memory)
{
	struct header header;

	if (memory == NULL)
		return;
	header = *(struct header *)((unsigned char *)memory - SBN_ALLOC_ALIGN);
	munmap(header.map, header.map_bytes);
}

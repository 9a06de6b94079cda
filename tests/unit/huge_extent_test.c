/* SPDX-License-Identifier: Apache-2.0 */
/* Large extents begin at huge pages, and have them where /dev/shm gives them when asked. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/alloc.h"
#include "shm/segment.h"

enum { SLICES = 2, SLICE_BYTES = 4 * SBN_HUGE_PAGE, SKIPPED = 77 };

/* Makes an extent of two slices and claims one. */
static int
make_extent(struct sbn_segment *segment, struct sbn_extent *extent, uint64_t *offset)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), bytes = SLICES * SLICE_BYTES + page;

	return sbn_segment_create(1, NULL, segment) == SYNCBN_OK &&
	       sbn_segment_grow(segment, bytes, offset) == SYNCBN_OK &&
	       sbn_extent_map(segment, *offset, bytes, extent) == SYNCBN_OK &&
	       sbn_extent_claim(segment, extent, SLICE_BYTES, SLICE_BYTES, NULL) == SYNCBN_OK;
}

/* Kilobytes of this process's memory that smaps counts under a name. */
static long
mapped_kb(const char *name)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[256];
	long kb = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb += strtol(line + strlen(name), NULL, 10);
	if (file != NULL)
		fclose(file);
	return kb;
}

static int
claim_where_huge_pages_are_advised(void)
{
	struct sbn_segment segment;
	struct sbn_extent extent;
	uint64_t offset;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1g,huge=advise") != 0)
		return SKIPPED;
	if (!make_extent(&segment, &extent, &offset))
		return 1;
	memset(extent.base + SLICE_BYTES, 1, SLICE_BYTES);
	return mapped_kb("ShmemPmdMapped:") * 1024 == SLICE_BYTES ? 0 : 2;
}

static void
test_a_large_slice_has_huge_pages_where_they_are_advised(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(claim_where_huge_pages_are_advised());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("skipped: needs root and huge pages in tmpfs\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_a_large_extent_begins_at_a_huge_page_in_file_and_memory(void **state)
{
	struct sbn_segment segment;
	struct sbn_extent extent;
	uint64_t offset;

	(void)state;
	assert_true(make_extent(&segment, &extent, &offset));
	assert_int_equal(offset % SBN_HUGE_PAGE, 0);
	assert_int_equal((uintptr_t)extent.base % SBN_HUGE_PAGE, 0);
	extent.base[0] = 1;
	extent.base[extent.bytes - 1] = 1; /* the guard page is there */
	sbn_extent_unmap(&extent);
	sbn_segment_close(&segment);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_large_extent_begins_at_a_huge_page_in_file_and_memory),
		cmocka_unit_test(test_a_large_slice_has_huge_pages_where_they_are_advised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

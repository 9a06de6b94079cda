/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/allocator.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"

/*
 * Nothing is mapped by itself, nothing is given back at the top of the heap, and threads use that
 * heap too: their own ones end at 64 MiB and are given back whole.
 */
const struct sbn_setting sbn_allocator_tuning[4] = {
	{ "MALLOC_MMAP_THRESHOLD_", "17179869184" },
	{ "MALLOC_TRIM_THRESHOLD_", "17179869184" },
	{ "MALLOC_ARENA_MAX", "1" },
	{ NULL, NULL },
};

struct library {
	const char *word;
	const char *package;
	const char *names[3]; /* the first that is there */
};

static const struct library libraries[] = {
	[SBN_MALLOC_TCMALLOC] = { "tcmalloc",
				  "libtcmalloc-minimal4",
				  { "libtcmalloc_minimal.so.4", "libtcmalloc.so.4", NULL } },
	[SBN_MALLOC_JEMALLOC] = { "jemalloc", "libjemalloc2", { "libjemalloc.so.2", NULL } },
};

static bool
find_in(const char *directory, const struct library *library, char path[PATH_MAX])
{
	for (size_t i = 0; library->names[i] != NULL; i++) {
		int length = snprintf(path, PATH_MAX, "%s/%s", directory, library->names[i]);

		if (length < PATH_MAX && access(path, R_OK) == 0)
			return true;
	}
	path[0] = '\0';
	return false;
}

/* Where the dynamic loader looks: LD_LIBRARY_PATH, then the system's directories. */
static bool
find_library(const struct library *library, char path[PATH_MAX])
{
	void *self = dlopen(NULL, RTLD_LAZY);
	Dl_serinfo size;
	Dl_serinfo *list = NULL;
	bool found = false;

	if (self == NULL || dlinfo(self, RTLD_DI_SERINFOSIZE, &size) != 0)
		goto out;
	list = malloc(size.dls_size);
	if (list == NULL || dlinfo(self, RTLD_DI_SERINFOSIZE, list) != 0 ||
	    dlinfo(self, RTLD_DI_SERINFO, list) != 0)
		goto out;
	for (unsigned i = 0; i < list->dls_cnt && !found; i++)
		found = find_in(list->dls_serpath[i].dls_name, library, path);
out:
	free(list);
	if (self != NULL)
		dlclose(self);
	return found || find_in("/usr/local/lib", library, path);
}

syncbn_status_t
sbn_allocator_find(enum sbn_malloc choice, struct sbn_allocator *allocator)
{
	const struct library *library = &libraries[choice];

	allocator->tuned = choice == SBN_MALLOC_TUNED;
	allocator->preload[0] = '\0';
	if (choice == SBN_MALLOC_DEFAULT || choice == SBN_MALLOC_TUNED ||
	    find_library(library, allocator->preload))
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"--malloc %s: there is no %s here (Debian: apt-get install %s); --malloc "
			"tuned needs none",
			library->word, library->names[0], library->package);
}

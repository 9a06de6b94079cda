/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/sets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

struct paths {
	char (*path)[PATH_MAX];
	uint32_t n, room;
};

static syncbn_status_t
add_path(struct paths *paths, const char *set, const char *name)
{
	int bytes;

	if (paths->n == paths->room) {
		uint32_t room = 2 * paths->room + 16;
		void *grown = realloc(paths->path, room * sizeof(paths->path[0]));

		if (grown == NULL)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%u cases", room);
		paths->path = grown;
		paths->room = room;
	}
	bytes = snprintf(paths->path[paths->n], PATH_MAX, "%s%s%s", set, name[0] ? "/" : "", name);
	if (bytes >= PATH_MAX)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s/%s: the path is too long", set, name);
	paths->n++;
	return SYNCBN_OK;
}

static bool
has_case(const char *directory)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/case.txt", directory) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Adds the set's directories; plain files beside them are not cases. */
static syncbn_status_t
add_set(struct paths *paths, const char *set)
{
	syncbn_status_t status = SYNCBN_OK;
	uint32_t before = paths->n;
	struct dirent **list;
	struct stat about;
	int n;

	if (has_case(set))
		return add_path(paths, set, "");
	n = scandir(set, &list, is_shown, alphasort);
	if (n < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "%s", set);
	for (int i = 0; i < n; i++) {
		if (status == SYNCBN_OK)
			status = add_path(paths, set, list[i]->d_name);
		if (status == SYNCBN_OK &&
		    (stat(paths->path[paths->n - 1], &about) != 0 || !S_ISDIR(about.st_mode)))
			paths->n--;
		free(list[i]);
	}
	free(list);
	if (status == SYNCBN_OK && paths->n == before)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s holds no cases", set);
	return status;
}

/* Looks the whole case over, so that no rank meets a malformed one. */
static void
open_entry(const char *path, struct golden_entry *entry)
{
	const char *slash = strrchr(path, '/');
	syncbn_status_t status;
	struct golden_case c;

	snprintf(entry->path, sizeof(entry->path), "%s", path);
	snprintf(entry->name, sizeof(entry->name), "%.*s", (int)sizeof(entry->name) - 1,
		 slash != NULL && slash[1] != '\0' ? slash + 1 : path);
	status = golden_case_read(entry->path, &c);
	if (status == SYNCBN_OK)
		status = golden_case_load(&c);
	if (status == SYNCBN_OK) {
		strcpy(entry->name, c.name);
		entry->world = (int)c.world;
	} else {
		golden_mark_fail(&entry->mark[0], "malformed: %s", sbn_last_error());
	}
	golden_case_free(&c);
}

syncbn_status_t
golden_sets_open(char *const *directories, struct golden_board **board, int *fd)
{
	struct paths paths = { .n = 0 };
	syncbn_status_t status = SYNCBN_OK;

	for (size_t i = 0; directories[i] != NULL && status == SYNCBN_OK; i++)
		status = add_set(&paths, directories[i]);
	if (status == SYNCBN_OK)
		status = golden_board_new(paths.n, board, fd);
	for (uint32_t i = 0; status == SYNCBN_OK && i < paths.n; i++)
		open_entry(paths.path[i], &(*board)->entry[i]);
	free(paths.path);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files of layers in a folder of the test's own. Include after <cmocka.h>. */
#ifndef SBN_TESTS_UNIT_STATE_FILES_H
#define SBN_TESTS_UNIT_STATE_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "state/state.h"
#include "unit/state_layers.h"

/* A folder of the test's own, as *state, emptied and removed afterwards. */
static inline int
make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *folder;

	if (asprintf(&folder, "%s/syncbn-test-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0)
		return -1;
	*state = folder;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int
remove_folder(void **state)
{
	char command[512];
	int failed;

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	failed = system(command);
	free(*state);
	return failed;
}

/* A path in the test's folder; static memory, a few at a time. */
static inline const char *
in_folder(void **state, const char *name)
{
	static char paths[4][512];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", (char *)*state, name);
	return paths[next];
}

/* The bytes of a file of the layers; the caller frees them. */
static inline unsigned char *
encode_layers(void **state, const struct state_layers *l, syncbn_state_format_t format,
	      syncbn_state_names_t names, size_t *n)
{
	const char *path = in_folder(state, "encoded");
	void *bytes = NULL;

	assert_int_equal(sbn_state_save(path, format, names, l->layer, N_LAYERS), SYNCBN_OK);
	assert_int_equal(sbn_file_read(path, 1 << 20, &bytes, n), SYNCBN_OK);
	return bytes;
}

/* Decoding fails, says words, and leaves the layers alone. */
static inline void
assert_refused(const void *bytes, size_t n, unsigned flags, const char *words)
{
	struct state_layers into, before;

	make_layers(&into, 50);
	make_layers(&before, 50);
	assert_int_equal(sbn_state_decode(bytes, n, into.layer, N_LAYERS, flags),
			 SYNCBN_ERR_INVALID);
	if (strstr(sbn_last_error(), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), words);
	assert_true(same_layers(&into, &before));
}

#endif

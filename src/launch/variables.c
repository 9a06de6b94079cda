/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/variables.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "shm/contract.h"

#define PREFIX "SYNCBN_"

enum { PREFIX_LENGTH = sizeof(PREFIX) - 1 };

/* What the library reads (syncbn/group.h), behind the prefix. */
static const char *const settings[] = {
	"CALIBRATE",   "CHUNK_BYTES", "EXECUTOR",     "FENCES",  "FETCH",       "IMAGES",
	"ISA",         "SPLIT",       "JOIN_TIMEOUT", "STORES",  "STORES_FROM", "TAKE_FROM",
	"STREAM_FROM", "THREADS",     "SCATTER_FROM", "TIMEOUT",
};

enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static const char *const of_ranks[] = {
	SBN_ENV_CONTRACT,   SBN_ENV_RANK, SBN_ENV_WORLD_SIZE,
	SBN_ENV_SEGMENT_FD, SBN_ENV_MEM,  "SYNCBN_RESTART_COUNT",
};

static bool
is_named(const char *entry, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool
is_meant(const char *entry)
{
	const char *value = strchr(entry, '=');

	if (strncmp(entry, PREFIX, PREFIX_LENGTH) != 0 ||
	    strncmp(entry, PREFIX "RUN_", PREFIX_LENGTH + 4) == 0)
		return false;
	for (size_t i = 0; i < sizeof(of_ranks) / sizeof(of_ranks[0]); i++)
		if (is_named(entry, of_ranks[i]))
			return false;
	return value != NULL && value[1] != '\0';
}

const char *
sbn_variables_next(char *const *env, size_t *at)
{
	while (env[*at] != NULL) {
		const char *entry = env[(*at)++];

		if (is_meant(entry))
			return entry;
	}
	return NULL;
}

bool
sbn_variable_is_setting(const char *entry)
{
	if (strncmp(entry, PREFIX, PREFIX_LENGTH) != 0)
		return false;
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (is_named(entry + PREFIX_LENGTH, settings[i]))
			return true;
	return false;
}

struct sbn_unread_variable
sbn_variable_unread(const char *entry)
{
	struct sbn_unread_variable unread = { .hint = "" };
	const char *nearest;

	snprintf(unread.name, sizeof(unread.name), "%.*s", (int)strcspn(entry, "="), entry);
	for (char *letter = unread.name; *letter != '\0'; letter++)
		if (*letter < ' ' || *letter > '~')
			*letter = '?';
	/* the prefix, which all share, says nothing of which is meant */
	nearest = sbn_nearest_word(unread.name + PREFIX_LENGTH, settings, N_SETTINGS);
	if (nearest != NULL)
		snprintf(unread.hint, sizeof(unread.hint), "; did you mean " PREFIX "%s", nearest);
	return unread;
}

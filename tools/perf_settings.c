/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "shm/contract.h"

#define EXECUTOR "SYNCBN_EXECUTOR"

enum { MOST_OVERRIDDEN = 4, NAME_BYTES = 64, PREFIX = sizeof("SYNCBN_") - 1 };

static const char *overridden[MOST_OVERRIDDEN];

/* What the library reads (syncbn/group.h). */
static const char *const known[] = {
	"SYNCBN_CALIBRATE", "SYNCBN_CHUNK_BYTES",  "SYNCBN_EXECUTOR", "SYNCBN_FENCES",
	"SYNCBN_FETCH",     "SYNCBN_IMAGES",       "SYNCBN_ISA",      "SYNCBN_JOIN_TIMEOUT",
	"SYNCBN_SPLIT",     "SYNCBN_SCATTER_FROM", "SYNCBN_STORES",   "SYNCBN_STORES_FROM",
	"SYNCBN_TAKE_FROM", "SYNCBN_STREAM_FROM",  "SYNCBN_THREADS",  "SYNCBN_TIMEOUT",
};

enum { N_KNOWN = sizeof(known) / sizeof(known[0]) };

static const char *const no_settings[] = {
	SBN_ENV_CONTRACT,   SBN_ENV_RANK, SBN_ENV_WORLD_SIZE,
	SBN_ENV_SEGMENT_FD, SBN_ENV_MEM,  "SYNCBN_RESTART_COUNT",
};

void
perf_settings_executor(const char *asked, const char *otherwise)
{
	const char *given = getenv(EXECUTOR);

	if (asked == NULL && given != NULL && given[0] != '\0')
		return;
	setenv(EXECUTOR, asked != NULL ? asked : otherwise, true);
	perf_settings_override(EXECUTOR);
}

void
perf_settings_override(const char *name)
{
	size_t i = 0;

	while (i + 1 < MOST_OVERRIDDEN && overridden[i] != NULL)
		i++;
	overridden[i] = name;
}

static bool
is_named(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool
is_setting(const char *entry)
{
	const char *value = strchr(entry, '=');

	if (strncmp(entry, "SYNCBN_", PREFIX) != 0 || strncmp(entry, "SYNCBN_RUN_", 11) == 0)
		return false;
	if (value == NULL || value[1] == '\0')
		return false;
	for (size_t i = 0; i < MOST_OVERRIDDEN && overridden[i] != NULL; i++)
		if (is_named(entry, overridden[i]))
			return false;
	for (size_t i = 0; i < sizeof(no_settings) / sizeof(no_settings[0]); i++)
		if (is_named(entry, no_settings[i]))
			return false;
	return true;
}

const char *
perf_settings_next(size_t *at)
{
	while (environ[*at] != NULL) {
		const char *entry = environ[(*at)++];

		if (is_setting(entry))
			return entry;
	}
	return NULL;
}

bool
perf_settings_is_known(const char *setting)
{
	for (size_t i = 0; i < N_KNOWN; i++)
		if (is_named(setting, known[i]))
			return true;
	return false;
}

/* Its name alone: nobody has checked what it holds. */
static void
tell_unknown(FILE *file, const char *setting)
{
	const char *rest[N_KNOWN]; /* what all share says nothing of which is meant */
	char name[NAME_BYTES];
	const char *nearest;

	for (size_t i = 0; i < N_KNOWN; i++)
		rest[i] = known[i] + PREFIX;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(setting, "="), setting);
	for (char *letter = name; *letter != '\0'; letter++)
		if (*letter < ' ' || *letter > '~')
			*letter = '?';
	nearest = sbn_nearest_word(name + PREFIX, rest, N_KNOWN);
	fprintf(file, "%s (which nothing reads%s%s)", name,
		nearest == NULL ? "" : "; did you mean SYNCBN_", nearest == NULL ? "" : nearest);
}

void
perf_settings_print(FILE *file, const char *before)
{
	const char *setting;
	size_t at = 0;

	for (int n = 0; (setting = perf_settings_next(&at)) != NULL; n++) {
		fputs(n == 0 ? before : ", ", file);
		if (perf_settings_is_known(setting))
			fputs(setting, file);
		else
			tell_unknown(file, setting);
	}
}

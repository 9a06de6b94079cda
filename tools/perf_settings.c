/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/contract.h"

#define EXECUTOR "SYNCBN_EXECUTOR"

static bool executor_is_own; /* choice */

static const char *const no_settings[] = {
	SBN_ENV_CONTRACT,   SBN_ENV_RANK, SBN_ENV_WORLD_SIZE,
	SBN_ENV_SEGMENT_FD, SBN_ENV_MEM,  "SYNCBN_RESTART_COUNT",
};

void
perf_settings_executor(const char *asked, const char *otherwise)
{
	const char *given = getenv(EXECUTOR);

	executor_is_own = asked == NULL && (given == NULL || given[0] == '\0');
	if (asked != NULL)
		setenv(EXECUTOR, asked, true);
	else if (executor_is_own)
		setenv(EXECUTOR, otherwise, true);
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

	if (strncmp(entry, "SYNCBN_", 7) != 0 || strncmp(entry, "SYNCBN_RUN_", 11) == 0)
		return false;
	if (value == NULL || value[1] == '\0' || (executor_is_own && is_named(entry, EXECUTOR)))
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/variables.h"

#define EXECUTOR "SYNCBN_EXECUTOR"

enum { MOST_OVERRIDDEN = 4 };

static const char *overridden[MOST_OVERRIDDEN];

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
is_overridden(const char *entry)
{
	for (size_t i = 0; i < MOST_OVERRIDDEN && overridden[i] != NULL; i++)
		if (is_named(entry, overridden[i]))
			return true;
	return false;
}

const char *
perf_settings_next(size_t *at)
{
	const char *entry;

	do {
		entry = sbn_variables_next(environ, at);
	} while (entry != NULL && is_overridden(entry));
	return entry;
}

static void
tell_unread(FILE *file, const char *setting)
{
	const struct sbn_unread_variable unread = sbn_variable_unread(setting);

	fprintf(file, "%s (which nothing reads%s)", unread.name, unread.hint);
}

void
perf_settings_print(FILE *file, const char *before)
{
	const char *setting;
	size_t at = 0;

	for (int n = 0; (setting = perf_settings_next(&at)) != NULL; n++) {
		fputs(n == 0 ? before : ", ", file);
		if (sbn_variable_is_setting(setting))
			fputs(setting, file);
		else
			tell_unread(file, setting);
	}
}

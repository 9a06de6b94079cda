/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_cpuinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
perf_cpuinfo(const char *key)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t room = 0;

	if (file == NULL)
		return NULL;
	while (getline(&line, &room, file) > 0) {
		char *colon = strchr(line, ':');

		if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
			continue;
		colon += strspn(colon, ": \t");
		colon[strcspn(colon, "\n")] = '\0';
		memmove(line, colon, strlen(colon) + 1);
		fclose(file);
		return line;
	}
	free(line);
	fclose(file);
	return NULL;
}

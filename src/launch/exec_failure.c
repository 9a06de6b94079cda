/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/exec_failure.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

int
sbn_exec_failure(const char *program, int error)
{
	bool is_path = strchr(program, '/') != NULL;
	struct stat file;

	if (is_path && stat(program, &file) == 0 && S_ISDIR(file.st_mode)) {
		sbn_fail(SYNCBN_ERR_INVALID, "%s is a directory; name a program", program);
		return 126;
	}
	if (error != ENOENT && error != ENOTDIR) {
		sbn_fail(SYNCBN_ERR_INVALID,
			 "%s cannot be executed: %s; check that it is a program for this machine "
			 "and has its x permission",
			 program, strerror(error));
		return 126;
	}
	if (is_path && access(program, F_OK) == 0)
		sbn_fail(SYNCBN_ERR_INVALID,
			 "%s cannot be executed: its interpreter is missing; check its first line, "
			 "or its dynamic loader",
			 program);
	else
		sbn_fail(SYNCBN_ERR_INVALID, "%s not found: %s; check its spelling%s", program,
			 strerror(error), is_path ? "" : " and PATH");
	return 127;
}

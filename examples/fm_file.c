/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
fm_file_begin(const char *path, struct fm_file *file)
{
	*file = (struct fm_file){ .path = strdup(path) };
	if (!file->path || asprintf(&file->name, "%s.new.%ld", path, (long)getpid()) < 0) {
		free(file->path);
		errno = ENOMEM;
		return -1;
	}
	file->stream = fopen(file->name, "wx");
	if (file->stream)
		return 0;
	free(file->name);
	free(file->path);
	return -1;
}

static void
forget(struct fm_file *file, int failed)
{
	int error = errno;

	if (failed)
		unlink(file->name);
	free(file->name);
	free(file->path);
	*file = (struct fm_file){ .stream = NULL };
	errno = error;
}

/* A rename outlives a crash once the directory is on the disk, too. */
static int
sync_directory(char *path)
{
	int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || fsync(fd) != 0;

	if (failed && errno == EINVAL) /* a file system that has no such thing */
		failed = 0;
	if (fd >= 0)
		close(fd);
	return failed;
}

int
fm_file_finish(struct fm_file *file)
{
	int failed = fflush(file->stream) != 0 || ferror(file->stream) ||
		     fsync(fileno(file->stream)) != 0;
	int error = errno;

	/* some file systems say only here that the disk is full */
	if (fclose(file->stream) != 0 && !failed) {
		failed = 1;
		error = errno;
	}
	errno = error;
	if (!failed)
		failed = rename(file->name, file->path) != 0;
	if (!failed && sync_directory(file->path) != 0) {
		forget(file, 0);
		return -1;
	}
	forget(file, failed);
	return failed ? -1 : 0;
}

void
fm_file_discard(struct fm_file *file)
{
	fclose(file->stream);
	forget(file, 1);
}

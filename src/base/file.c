/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/show.h"

enum { MAX_LINKS = 40, MAX_TRIES = 100, NAME_BYTES = 32 };

/* ---- reading ---- */

static syncbn_status_t
read_all(int fd, const char *shown, char *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, to + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sbn_fail(SYNCBN_ERR_SYSTEM, "read %s", shown);
		if (got == 0) {
			errno = 0;
			return sbn_fail(SYNCBN_ERR_SYSTEM,
					"read %s: it shrank from %zu to %zu bytes", shown, n, done);
		}
		done += (size_t)got;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
fail_not_regular(const char *shown, mode_t mode)
{
	errno = S_ISDIR(mode) ? EISDIR : 0;
	return sbn_fail(SYNCBN_ERR_SYSTEM, "%s is no regular file", shown);
}

static syncbn_status_t
read_open(int fd, const char *shown, size_t max_bytes, void **bytes, size_t *n)
{
	syncbn_status_t status;
	struct stat is;
	void *to;

	if (fstat(fd, &is) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "fstat %s", shown);
	if (!S_ISREG(is.st_mode))
		return fail_not_regular(shown, is.st_mode);
	if ((uint64_t)is.st_size > max_bytes)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s has %jd bytes, more than the %zu expected",
				shown, (intmax_t)is.st_size, max_bytes);
	to = malloc((size_t)is.st_size + 1);
	if (to == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s has %jd bytes", shown,
				(intmax_t)is.st_size);
	status = read_all(fd, shown, to, (size_t)is.st_size);
	if (status != SYNCBN_OK) {
		free(to);
		return status;
	}
	*bytes = to;
	*n = (size_t)is.st_size;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_file_read(const char *path, size_t max_bytes, void **bytes, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char shown[SBN_SHOWN_PATH];
	syncbn_status_t status;

	sbn_show_path(path, shown);
	if (fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "open %s", shown);
	status = read_open(fd, shown, max_bytes, bytes, n);
	close(fd);
	return status;
}

/* ---- replacing ---- */

/* What is needed to replace a file. */
struct replacement {
	char path[PATH_MAX]; /* behind all symbolic links */
	char shown[SBN_SHOWN_PATH];
	const char *name; /* in its directory: the end of path */
	char temporary[NAME_BYTES];
	int directory, fd;
	bool exists;
	struct stat old;
};

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Puts the link's target in its place; false: it is no link, or errno is not 0. */
static bool
follow_link(char path[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target));
	size_t kept = n > 0 && target[0] == '/' ? 0 : (size_t)(name_of(path) - path);

	errno = n >= 0 || errno == EINVAL || errno == ENOENT ? 0 : errno;
	if (n < 0)
		return false;
	if (kept + (size_t)n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(path + kept, target, (size_t)n);
	path[kept + (size_t)n] = '\0';
	return true;
}

static syncbn_status_t
find_target(const char *path, struct replacement *new)
{
	size_t n = strlen(path);
	int links = 0;

	sbn_show_path(path, new->shown);
	errno = n >= PATH_MAX ? ENAMETOOLONG : ENOENT;
	if (n == 0 || n >= PATH_MAX)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "\"%s\"", new->shown);
	memcpy(new->path, path, n + 1);
	while (follow_link(new->path) && links < MAX_LINKS)
		links++;
	if (links == MAX_LINKS)
		errno = ELOOP;
	if (errno != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "readlink %s", new->shown);
	new->name = name_of(new->path);
	sbn_show_path(new->path, new->shown);
	return SYNCBN_OK;
}

static syncbn_status_t
open_directory(struct replacement *new)
{
	char directory[PATH_MAX + 1];

	snprintf(directory, sizeof(directory), "%.*s.", (int)(new->name - new->path), new->path);
	new->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (new->directory < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "open the directory of %s", new->shown);
	new->exists = fstatat(new->directory, new->name, &new->old, AT_SYMLINK_NOFOLLOW) == 0;
	if (new->name[0] == '\0' || (new->exists && !S_ISREG(new->old.st_mode)))
		return fail_not_regular(new->shown, new->exists ? new->old.st_mode : S_IFDIR);
	if (!new->exists && errno != ENOENT)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "stat %s", new->shown);
	return SYNCBN_OK;
}

/* O_EXCL keeps us from what somebody else may have laid there; the name need not be secret. */
static syncbn_status_t
create_temporary(struct replacement *new)
{
	/* the old file may keep out those whom the umask would let in */
	const mode_t mode = new->exists ? 0600 : 0666;
	const pid_t pid = getpid();
	uint64_t hash = sbn_hash(SBN_HASH_START, &pid, sizeof(pid));

	for (int i = 0; i < MAX_TRIES; i++) {
		uint64_t now = sbn_now_ns();

		hash = sbn_hash(hash, &now, sizeof(now));
		snprintf(new->temporary, NAME_BYTES, ".syncbn-%016" PRIx64, hash);
		new->fd = openat(new->directory, new->temporary,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (new->fd >= 0 || errno != EEXIST)
			break;
	}
	if (new->fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "create %s beside %s", new->temporary,
				new->shown);
	return SYNCBN_OK;
}

static bool
write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			bytes += written;
			n -= (size_t)written;
		}
	}
	return true;
}

static bool
take_owner_and_mode(const struct replacement *new)
{
	/* only root gives files away; the permissions are what must not be lost */
	if (new->old.st_uid != geteuid() || new->old.st_gid != getegid())
		if (fchown(new->fd, new->old.st_uid, new->old.st_gid) != 0)
			errno = 0;
	return fchmod(new->fd, new->old.st_mode & 0777) == 0;
}

static syncbn_status_t
fill_temporary(struct replacement *new, const void *bytes, size_t n)
{
	const char *step = NULL;

	if (new->exists && !take_owner_and_mode(new))
		step = "chmod";
	else if (!write_all(new->fd, bytes, n))
		step = "write";
	else if (fsync(new->fd) != 0)
		step = "fsync";
	if (step != NULL)
		sbn_fail(SYNCBN_ERR_SYSTEM, "%s %s beside %s", step, new->temporary, new->shown);
	/* some file systems say only here that the disk is full */
	if (close(new->fd) != 0 && step == NULL) {
		step = "close";
		sbn_fail(SYNCBN_ERR_SYSTEM, "close %s beside %s", new->temporary, new->shown);
	}
	return step == NULL ? SYNCBN_OK : SYNCBN_ERR_SYSTEM;
}

static syncbn_status_t
replace(struct replacement *new, const void *bytes, size_t n)
{
	syncbn_status_t status = create_temporary(new);

	if (status != SYNCBN_OK)
		return status;
	status = fill_temporary(new, bytes, n);
	if (status == SYNCBN_OK &&
	    renameat(new->directory, new->temporary, new->directory, new->name) != 0)
		status = sbn_fail(SYNCBN_ERR_SYSTEM, "rename %s to %s", new->temporary, new->shown);
	if (status != SYNCBN_OK) {
		unlinkat(new->directory, new->temporary, 0);
		return status;
	}
	/* EINVAL: a file system that has no such thing */
	if (fsync(new->directory) != 0 && errno != EINVAL)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"%s is replaced, but may not outlive a crash: fsync its directory",
				new->shown);
	return SYNCBN_OK;
}

static syncbn_status_t
begin_replacement(const char *path, struct replacement *new)
{
	const syncbn_status_t status = find_target(path, new);

	return status == SYNCBN_OK ? open_directory(new) : status;
}

static void
end_replacement(const struct replacement *new)
{
	if (new->directory >= 0)
		close(new->directory);
}

syncbn_status_t
sbn_file_replace(const char *path, const void *bytes, size_t n)
{
	struct replacement new = { .directory = -1, .fd = -1 };
	syncbn_status_t status = begin_replacement(path, &new);

	if (status == SYNCBN_OK)
		status = replace(&new, bytes, n);
	end_replacement(&new);
	return status;
}

syncbn_status_t
sbn_file_can_be_replaced(const char *path)
{
	struct replacement new = { .directory = -1, .fd = -1 };
	syncbn_status_t status = begin_replacement(path, &new);

	if (status == SYNCBN_OK)
		status = create_temporary(&new);
	if (new.fd >= 0) {
		unlinkat(new.directory, new.temporary, 0);
		close(new.fd);
	}
	end_replacement(&new);
	return status;
}

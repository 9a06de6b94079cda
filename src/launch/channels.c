/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/channels.h"

#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/option_ranks.h"
#include "launch/pty.h"

bool
sbn_channels_needed(const struct sbn_options *options)
{
	return options->tag || options->timestamps || options->output != NULL ||
	       options->quiet_ranks != NULL;
}

bool
sbn_channels_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no_color == NULL || no_color[0] == '\0') &&
	       !(term != NULL && strcmp(term, "dumb") == 0);
}

/* ---- which ranks are shown ---- */

syncbn_status_t
sbn_channels_hide(const char *list, uint32_t n_ranks, bool *shown)
{
	hwloc_bitmap_t ranks = hwloc_bitmap_alloc();
	bool open_end = list[0] != '\0' && list[strlen(list) - 1] == '-';
	syncbn_status_t status;

	if (ranks == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--quiet-ranks");
	status = sbn_option_ranks(list, ranks);
	if (status == SYNCBN_OK && !open_end && hwloc_bitmap_last(ranks) >= (int)n_ranks)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "--quiet-ranks %s: there is no rank %d; the ranks are 0 to %u",
				  list, hwloc_bitmap_last(ranks), n_ranks - 1);
	for (uint32_t rank = 0; status == SYNCBN_OK && rank < n_ranks; rank++)
		shown[rank] &= !hwloc_bitmap_isset(ranks, rank);
	hwloc_bitmap_free(ranks);
	return status;
}

/* ---- streams ---- */

/* Stream i is even for a rank's standard output, odd for its errors. */
static syncbn_status_t
open_stream(struct sbn_channels *channels, uint32_t i)
{
	int ours = i % 2 == 0 ? STDOUT_FILENO : STDERR_FILENO;
	bool pty = channels->shown[i / 2] && isatty(ours);
	int fds[2];

	errno = 0;
	if (pty && sbn_pty_open(ours, fds) == SYNCBN_OK)
		channels->terminals[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	else if (pipe2(fds, O_CLOEXEC) != 0) /* also where there are no pseudo terminals */
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"a pipe for the ranks' output (ulimit -n limits the descriptors)");
	channels->reads[i] = fds[0];
	channels->writes[i] = fds[1];
	return SYNCBN_OK;
}

/* ---- files ---- */

static syncbn_status_t
fail_file(const char *path)
{
	int error = errno;

	errno = 0;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"--output: %s: %s; give a directory that can be written", path,
			strerror(error));
}

static syncbn_status_t
open_file(const char *directory, uint32_t rank, bool again, int *fd)
{
	/* nonblocking: a FIFO that nobody reads would hold us for ever; a sink waits by itself */
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/rank-%u.log", directory, rank) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail_file(directory);
	}
	*fd = open(path, again ? flags : flags | O_TRUNC, 0666);
	return *fd < 0 ? fail_file(path) : SYNCBN_OK;
}

static syncbn_status_t
open_files(const char *directory, bool again, struct sbn_channels *channels)
{
	syncbn_status_t status = SYNCBN_OK;

	if (mkdir(directory, 0777) != 0 && errno != EEXIST)
		return fail_file(directory);
	for (uint32_t rank = 0; rank < channels->n_ranks && status == SYNCBN_OK; rank++)
		status = open_file(directory, rank, again, &channels->files[rank]);
	return status;
}

/* ---- all ---- */

int *
sbn_channels_new_fds(uint32_t n)
{
	int *fds = malloc(n * sizeof(*fds));

	for (uint32_t i = 0; fds != NULL && i < n; i++)
		fds[i] = -1;
	return fds;
}

static syncbn_status_t
allocate(const struct sbn_options *options, struct sbn_channels *channels)
{
	uint32_t n = channels->n_ranks;

	channels->shown = calloc(n, sizeof(*channels->shown));
	channels->reads = sbn_channels_new_fds(2 * n);
	channels->writes = sbn_channels_new_fds(2 * n);
	channels->terminals = sbn_channels_new_fds(2 * n);
	if (options->output != NULL)
		channels->files = sbn_channels_new_fds(n);
	if (channels->shown == NULL || channels->reads == NULL || channels->writes == NULL ||
	    channels->terminals == NULL || (options->output != NULL && channels->files == NULL))
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the ranks' output");
	for (uint32_t rank = 0; rank < n; rank++)
		channels->shown[rank] = options->output == NULL || options->tee;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_channels_open(const struct sbn_options *options, uint32_t n_ranks, bool again,
		  struct sbn_channels *channels)
{
	syncbn_status_t status;

	*channels = (struct sbn_channels){ .n_ranks = n_ranks };
	status = allocate(options, channels);
	if (status == SYNCBN_OK && options->quiet_ranks != NULL)
		status = sbn_channels_hide(options->quiet_ranks, n_ranks, channels->shown);
	if (status == SYNCBN_OK && options->output != NULL)
		status = open_files(options->output, again, channels);
	for (uint32_t i = 0; i < 2 * n_ranks && status == SYNCBN_OK; i++)
		status = open_stream(channels, i);
	if (status != SYNCBN_OK)
		sbn_channels_close(channels);
	return status;
}

void
sbn_channels_close_fds(int **fds, uint32_t n)
{
	for (uint32_t i = 0; *fds != NULL && i < n; i++)
		if ((*fds)[i] >= 0)
			close((*fds)[i]);
	free(*fds);
	*fds = NULL;
}

void
sbn_channels_close(struct sbn_channels *channels)
{
	sbn_channels_close_fds(&channels->reads, 2 * channels->n_ranks);
	sbn_channels_close_fds(&channels->writes, 2 * channels->n_ranks);
	sbn_channels_close_fds(&channels->terminals, 2 * channels->n_ranks);
	sbn_channels_close_fds(&channels->files, channels->n_ranks);
	free(channels->shown);
	channels->shown = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay works on: which ranks are shown, their streams, their files. */
#ifndef SBN_LAUNCH_CHANNELS_H
#define SBN_LAUNCH_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "launch/options.h"

struct sbn_channels {
	uint32_t n_ranks;
	bool *shown;    /* [n_ranks] on our standard output and error */
	int *reads;     /* [2 * n_ranks] the relay's ends of the streams */
	int *writes;    /* [2 * n_ranks] the ranks' */
	int *terminals; /* [2 * n_ranks] copies of `reads` that are pseudo terminals; else -1 */
	int *files;     /* [n_ranks], or NULL: none */
};

/* Whether the options need a relay. */
bool sbn_channels_needed(const struct sbn_options *options);

/*
 * Opens all. `again`: files go on where they end. INVALID: a rank that is not there, a directory
 * that cannot be written. Nothing is open then.
 */
syncbn_status_t sbn_channels_open(const struct sbn_options *options, uint32_t n_ranks, bool again,
				  struct sbn_channels *channels);

/* Closes what is still in it; -1 and NULL are passed over. */
void sbn_channels_close(struct sbn_channels *channels);

/* An array of -1; NULL without memory. */
int *sbn_channels_new_fds(uint32_t n);

/* Closes an array of descriptors and frees it. */
void sbn_channels_close_fds(int **fds, uint32_t n);

/* Whether tags on one of our descriptors are to have colors: a terminal, unless NO_COLOR is set. */
bool sbn_channels_color(int fd);

/*
 * Marks the ranks of a list as not shown: "0,2-3", or "1-", which is to the last one. INVALID: no
 * list, or a rank that is not there.
 */
syncbn_status_t sbn_channels_hide(const char *list, uint32_t n_ranks, bool *shown);

#endif

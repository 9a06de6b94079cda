/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has once: its place on the machine, its kernels, its team of threads. */
#ifndef SBN_COMM_PROCESS_H
#define SBN_COMM_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

#include <syncbn/group.h>

#include "kernels/kernels.h"
#include "platform/place.h"
#include "platform/team.h"

/* How large outputs are stored: by their size, or always one way. */
enum sbn_stores { SBN_STORES_AUTO, SBN_STORES_ORDINARY, SBN_STORES_STREAMING };

/* What comes from memory: whole chunks beforehand, lines as they are read, or what takes less. */
enum sbn_fetch { SBN_FETCH_AUTO, SBN_FETCH_CHUNKS, SBN_FETCH_LINES };

/*
 * What threads split of channels-first tensors: channels, or the blocks of each channel, which they
 * share where they can; or what takes less.
 */
enum sbn_split { SBN_SPLIT_AUTO, SBN_SPLIT_CHANNELS, SBN_SPLIT_BLOCKS };

/* Channels-first images that are written at a time: some abreast, one, two, or what takes less. */
enum sbn_images_written {
	SBN_IMAGES_AUTO,
	SBN_IMAGES_ABREAST,
	SBN_IMAGES_SINGLE,
	SBN_IMAGES_PAIRS
};

/*
 * Who makes the fences of sleeping and waking: publishers and sleepers; or sleepers alone, for all,
 * where ranks spin before they sleep, or always.
 */
enum sbn_fences { SBN_FENCES_FULL, SBN_FENCES_AUTO, SBN_FENCES_LIGHT };

struct sbn_process {
	struct sbn_place place;
	const struct sbn_kernels *kernels;
	const struct sbn_kernels *narrower; /* the same bits by other registers; or NULL */
	struct sbn_team *team;
	bool on_openmp;   /* the team's threads are those of the program's OpenMP */
	bool first_touch; /* set no memory policy */
	int join_timeout_ms;
	int timeout_ms;
	uint64_t chunk_bytes; /* of its inputs, that a lane sums at most before it publishes */
	bool calibrates; /* measures what is the fastest here */
	bool is_crowded; /* the ranks of its run take turns on CPUs */
	enum sbn_stores stores;
	_Atomic size_t stores_from; /* bytes a thread, of outputs that go past the caches: see
				     * nn/stores.h; 0: nobody has measured yet */
	enum sbn_fetch fetch;
	enum sbn_split split;
	enum sbn_images_written images;
	enum sbn_fences fences;
	bool fences_for_all; /* its sleepers make F3; since it was registered for others' */
};

/* Fills in what config and environment leave open, and starts the team. */
syncbn_status_t sbn_process_start(const syncbn_config_t *config, struct sbn_process **process);
void sbn_process_stop(void);

/* The process's state; NULL outside syncbn_init .. syncbn_finalize. */
struct sbn_process *sbn_process_get(void);

/* A page whose first word is 1 here and 0 in a forked child; NULL before the first start. */
extern const volatile int *sbn_process_here;

/* INVALID, with the detail. */
syncbn_status_t sbn_process_is_fork(void);

/* INVALID in a forked child: the segment and the team belong to its parent. */
static inline syncbn_status_t
sbn_process_check(void)
{
	return sbn_process_here != NULL && *sbn_process_here == 0 ? sbn_process_is_fork() :
								    SYNCBN_OK;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_GROUP_H
#define SYNCBN_GROUP_H

#include <stddef.h>

#include <syncbn/parallel.h>
#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A process group: the ranks that exchange moments and gradients with each other. */
typedef struct syncbn_group syncbn_group_t;

/* Receives one line of text, without a newline, whenever the library has something to say. */
typedef void (*syncbn_log_fn)(void *context, const char *line);

/*
 * How to join. Begin with SYNCBN_CONFIG and change what differs. Where a field is 0 or NULL the
 * environment decides, then the default.
 */
typedef struct syncbn_config {
	size_t size;         /* sizeof(syncbn_config_t), so that fields can be added */
	int join_timeout_ms; /* for the other ranks to join; SYNCBN_JOIN_TIMEOUT (seconds), 60 s */
	int timeout_ms;      /* of all later waits; SYNCBN_TIMEOUT (seconds), 600 s */
	int threads;         /* that share a call's channels; SYNCBN_THREADS, this rank's cores */
	const syncbn_executor_t *executor; /* the caller's own threads instead of ours; copied */
	syncbn_log_fn log;                 /* where warnings go; NULL: nowhere */
	void *log_context;                 /* handed to log; must live until syncbn_finalize */
} syncbn_config_t;

#define SYNCBN_CONFIG                                              \
	{                                                          \
		sizeof(syncbn_config_t), 0, 0, 0, NULL, NULL, NULL \
	}

/*
 * The environment, where config leaves it open: SYNCBN_JOIN_TIMEOUT, SYNCBN_TIMEOUT, SYNCBN_THREADS
 * as above; SYNCBN_ISA (scalar, avx2, avx512: the best this CPU has); SYNCBN_CHUNK_BYTES (how much
 * of x a thread sums before it publishes: 524288). Malformed values are INVALID.
 *
 * Joins the run that syncbn-run started and gives the group of all its ranks in *world; started
 * without the launcher it is a world of one. Once in a rank's life; a world of one can be joined
 * again after syncbn_finalize.
 *
 * config: NULL for the defaults. Collective over all ranks of the run: returns when all have
 * joined. *world belongs to the library until syncbn_finalize.
 *
 * INVALID: a field breaks its rule; joined already; WORLD_SIZE, OMPI_COMM_WORLD_SIZE or PMI_SIZE
 * above 1 without the launcher's contract; SYNCBN_ISA unknown or above this CPU. UNSUPPORTED:
 * ranks on several machines. NO_MEMORY: /dev/shm too small. SYSTEM. MISMATCH: the ranks run
 * different versions. TIMEOUT: a rank did not join. PEER_LOST.
 */
syncbn_status_t syncbn_init(const syncbn_config_t *config, syncbn_group_t **world);

/*
 * Marks this rank's orderly end and frees the world. A rank that ends without it, or that a peer
 * still waits for, is lost to its peers. All layers, saved objects and arenas of the world must
 * have been freed. Local, waits for nobody, and works on a failed group too. NULL does nothing.
 *
 * INVALID: world is not the group that syncbn_init gave; layers, saved objects, arenas or groups of
 * syncbn_group_self live.
 */
syncbn_status_t syncbn_finalize(syncbn_group_t *world);

/*
 * A world of one made of this process alone, for layers that shall not be synchronized (local
 * batch statistics). Local; any number of times between syncbn_init and syncbn_finalize.
 * *group belongs to the caller: syncbn_group_free. INVALID: not between these two. NO_MEMORY.
 */
syncbn_status_t syncbn_group_self(syncbn_group_t **group);

/*
 * Frees a group that is not the world. Its layers, saved objects and arenas must have been freed.
 * Local. NULL does nothing. INVALID: it is the world, or something of it lives.
 */
syncbn_status_t syncbn_group_free(syncbn_group_t *group);

/* This rank's number within the group, 0 to size - 1. Local; -1 for NULL. */
int syncbn_group_rank(const syncbn_group_t *group);

/* The number of ranks in the group. Local; -1 for NULL. */
int syncbn_group_size(const syncbn_group_t *group);

/* "shm" (POSIX shared memory) or "self" (a world of one). Local; static memory; "" for NULL. */
const char *syncbn_group_transport(const syncbn_group_t *group);

/*
 * Returns when every rank of the group has called it; what a rank wrote to shared memory before
 * is then visible to all. Collective. TIMEOUT, MISMATCH, PEER_LOST; INVALID for NULL.
 */
syncbn_status_t syncbn_barrier(syncbn_group_t *group);

#ifdef __cplusplus
}
#endif
#endif

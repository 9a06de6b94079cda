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
	size_t size;         /* sizeof(syncbn_config_t): another is INVALID */
	int join_timeout_ms; /* for the other ranks to join; SYNCBN_JOIN_TIMEOUT (seconds), 60 s */
	int timeout_ms;      /* of all later waits; SYNCBN_TIMEOUT (seconds), 600 s */
	int threads;         /* that share a call's channels; SYNCBN_THREADS, this rank's cores */
	const syncbn_executor_t *executor; /* the caller's own threads; copied; SYNCBN_EXECUTOR */
	syncbn_log_fn log;                 /* where warnings go; NULL: nowhere */
	void *log_context;                 /* handed to log; must live until syncbn_finalize */
} syncbn_config_t;

#define SYNCBN_CONFIG                                              \
	{                                                          \
		sizeof(syncbn_config_t), 0, 0, 0, NULL, NULL, NULL \
	}

/*
 * The environment, where config leaves it open; malformed values are INVALID, unknown names are not
 * noticed ("syncbn-perf env" shows them). "auto" is the default of those that have it.
 *
 *	SYNCBN_JOIN_TIMEOUT, SYNCBN_TIMEOUT, SYNCBN_THREADS
 *		as above
 *	SYNCBN_EXECUTOR=auto|team|openmp
 *		whose threads work: the library's own team; those of the OpenMP that the program is
 *		linked with, INVALID where it has none; auto: OpenMP's where more than one thread
 *		is wanted, OpenMP has as many, and they do not sleep as soon as they are idle
 *		(OMP_WAIT_POLICY=passive), as two sets would take the CPUs from each other
 *	SYNCBN_ISA=scalar|avx2|avx512|avx2+avx512|neon
 *		instead of the best for this CPU: avx2+avx512 (AVX-512 for 16-bit types only) on
 *		those of Intel's whose clock AVX-512 lowers, which have no AVX-VNNI. Left out, and
 *		avx512 being the best: passes whose outputs go past the caches try out avx2, too,
 *		but backward ones of 16-bit types; channels-first ones with SYNCBN_IMAGES=auto
 *	SYNCBN_CHUNK_BYTES
 *		how much of its inputs a thread sums before it publishes, but at least the channels
 *		that end with a cache line together: 524288
 *	SYNCBN_STORES=auto|streaming|ordinary
 *		how outputs are written; streaming: past the caches; auto: streaming, but into an
 *		input's memory, from SYNCBN_STORES_FROM on
 *	SYNCBN_STORES_FROM
 *		bytes that a call reads and writes, for each thread. Without it ordinary below a
 *		quarter of a thread's own cache, streaming from four times of it on; in between the
 *		first call measures it, a read of the output included, in some tens of milliseconds
 *		and at most 64 MB; where this rank's SYNCBN_CALIBRATE is off, or ranks share CPUs,
 *		or that cache exceeds 4 MB: from half of it on
 *	SYNCBN_IMAGES=auto|abreast|single|pairs
 *		how outputs of channels-first tensors are written past the caches: some lines of
 *		several images in turn; one image after the other; two images, a line of each in
 *		turn; auto: a layer's first twelve calls go these three ways in turns, eight more
 *		each that took nearly as long as the shortest, a thousand others as the shortest
 *		did, and so on. Eight calls and the first two ways in rows of fewer than 256
 *		elements; twenty and twelve with AVX2 beside AVX-512; and twice as many where
 *		SYNCBN_FETCH is tried out, too, for each of its ways
 *	SYNCBN_FETCH=auto|chunks|lines
 *		how inputs come from memory in blocked layouts, and in channels-first ones forward
 *		in rows of fewer than 256 elements, backward in rows of 128 and more: each chunk as
 *		a whole while another one is written; lines as they are read, or some images at a
 *		time. In channels-last layouts of 257 to 1024 bytes a row chunks asks for what is
 *		4 to 16 KB ahead, lines 4 to 12 KB. auto: eight calls decide, or sixteen more,
 *		behind those of other choices
 *	SYNCBN_SPLIT=auto|channels|blocks
 *		what threads split of channels-first tensors; blocks: the parts of each channel
 *		that are summed for themselves, where there are some; auto: blocks of channels that
 *		are too few, of large channels what took less in eight such calls, behind those of
 *		other choices, else channels
 *	SYNCBN_FENCES=auto|full|light
 *		who orders what is published before a look at who sleeps: whoever publishes; only
 *		who goes to sleep, by membarrier(2) for all ranks, INVALID without it; auto: light
 *		where all ranks can, and have CPUs enough
 *
 * Of rank 0 alone, as all must do the same:
 *
 *	SYNCBN_CALIBRATE=on|off
 *		whether it is measured how large arrays travel best, while ranks join, in some
 *		milliseconds, tens where they share CPUs; off: fixed values. (Of each rank for its
 *		stores.)
 *	SYNCBN_SCATTER_FROM, SYNCBN_STREAM_FROM, SYNCBN_TAKE_FROM
 *		bytes from which an all-reduce is a reduce-scatter and an all-gather, from which
 *		what travels is copied past the caches, and from which the lines that it is copied
 *		to are fetched before
 */

/*
 * Joins the run that syncbn-run started and gives the group of all its ranks in *world; started
 * without the launcher it is a world of one. Once in a rank's life; a world of one can be joined
 * again after syncbn_finalize.
 *
 * config: NULL for the defaults. Collective over all ranks of the run: returns when all have
 * joined. *world belongs to the library until syncbn_finalize. After any other status it is NULL,
 * but as it was where this rank has joined already.
 *
 * INVALID: a field breaks its rule; joined already; WORLD_SIZE, OMPI_COMM_WORLD_SIZE or PMI_SIZE
 * above 1 without the launcher's contract; SYNCBN_ISA unknown or above this CPU; SYNCBN_FENCES
 * light where a rank's system has no membarrier(2). UNSUPPORTED: a program with more rights than
 * its caller (setuid, setgid, file capabilities). NO_MEMORY: /dev/shm too small. SYSTEM. MISMATCH:
 * the ranks run different versions. TIMEOUT: a rank did not join. PEER_LOST.
 */
syncbn_status_t syncbn_init(const syncbn_config_t *config, syncbn_group_t **world);

/*
 * Marks this rank's orderly end and frees the world. A rank that ends without it, or that a peer
 * still waits for, is lost to its peers. All layers, saved objects and arenas of the world must
 * have been freed. Local, waits for nobody, and works on a failed group too. NULL does nothing.
 *
 * INVALID: world is not the group that syncbn_init gave, or it is finalized already; layers,
 * saved objects, arenas or other groups live; all-reduces are in flight.
 */
syncbn_status_t syncbn_finalize(syncbn_group_t *world);

/*
 * A world of one made of this process alone, for layers that shall not be synchronized (local
 * batch statistics). Local; any number of times between syncbn_init and syncbn_finalize.
 * *group belongs to the caller: syncbn_group_free. INVALID: not between these two. NO_MEMORY.
 */
syncbn_status_t syncbn_group_self(syncbn_group_t **group);

/*
 * A process group of some of the parent's ranks: ranks[i] of the parent becomes rank i of the
 * group, which is also the order in which moments are merged. Groups may overlap, and nothing of
 * one's traffic can reach another. Collective over the parent: all its ranks call with the same
 * list, those that are not in it too; they get NULL. *group belongs to the caller:
 * syncbn_group_free.
 *
 * INVALID: a rank outside the parent, or twice; n < 1 (on every rank that gave such a list, before
 * anything is exchanged); a rank has left the parent. MISMATCH: the ranks gave different lists.
 * NO_MEMORY, SYSTEM (on all ranks), TIMEOUT, PEER_LOST.
 */
syncbn_status_t syncbn_group_new(syncbn_group_t *parent, const int *ranks, int n,
				 syncbn_group_t **group);

/*
 * Several groups at once, as MindSpore's process_groups: list l holds n_ranks[l] ranks, one list
 * after the other in ranks. A rank may be in one list; *group is the group of its list, and of this
 * process alone for a rank that is in no list or alone in its list. Collective over the parent;
 * the rest as syncbn_group_new. n_lists 0: every rank alone.
 */
syncbn_status_t syncbn_group_split(syncbn_group_t *parent, const int *ranks, const int *n_ranks,
				   int n_lists, syncbn_group_t **group);

/* What a mean over the group is divided by after ranks have left. */
typedef enum syncbn_divisor {
	SYNCBN_DIVISOR_INITIAL = 1,  /* the group's size, as torch's join does; the default */
	SYNCBN_DIVISOR_REMAINING = 2 /* the number of ranks that take part */
} syncbn_divisor_t;

/*
 * Sets what SYNCBN_MEAN and SYNCBN_PARAM_GRAD_MEAN divide by; all ranks must choose the same.
 * Local. INVALID, also while all-reduces are in flight.
 */
syncbn_status_t syncbn_group_set_divisor(syncbn_group_t *group, syncbn_divisor_t divisor);

/*
 * For a rank that has run out of data: the group's later calls go on without it, as if its batch
 * were empty; batch statistics count only those who take part. Its own next call on this group
 * must be syncbn_group_return (or syncbn_group_free, syncbn_finalize). Other groups are not
 * concerned. Local, waits for nobody. INVALID: NULL, it has left already, all-reduces are in
 * flight.
 */
syncbn_status_t syncbn_group_leave(syncbn_group_t *group);

/*
 * Comes together again: a rank that has not left leaves first; returns when every rank of the
 * group has called it. *last_rank (may be NULL): the group's rank that made the most calls, the
 * highest of several, whose parameters are the newest: what a leaver's layers hold (running
 * statistics and the number of batches tracked among it) is as it was when it left, until the
 * program broadcasts it from last_rank. Collective. INVALID: NULL, all-reduces are in flight.
 * TIMEOUT, MISMATCH, PEER_LOST.
 */
syncbn_status_t syncbn_group_return(syncbn_group_t *group, int *last_rank);

/*
 * Frees a group that is not the world. Its layers, saved objects and arenas must have been freed.
 * Local. NULL does nothing. INVALID: it is the world, something of it lives, or is in flight.
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
 * is then visible to all. Collective. TIMEOUT, MISMATCH, PEER_LOST; INVALID: NULL, this rank has
 * left the group.
 */
syncbn_status_t syncbn_barrier(syncbn_group_t *group);

#ifdef __cplusplus
}
#endif
#endif

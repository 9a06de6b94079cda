/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control extent: what launcher and ranks know of each other. It holds fixed-width words and
 * offsets only; each writer has lines of its own.
 *
 * Release and acquire pairs:
 *	C1 sbn_segment_create: ready		- sbn_segment_attach
 *	C2 sbn_control_set_state: state		- sbn_control_state
 *	C3 sbn_abort_set: an abort word		- sbn_abort_read
 *	C4 sbn_group_name_layer: the call's header, published by the ring (R0) or C5
 * Sleeping (two stores and two loads that must not pass each other, so fences of full strength):
 *	D1 ring_one: a doorbell's count		- nap()
 *	F1 sbn_group_ring: after the publisher's store, before it reads `sleepers`
 *	F2 the sleeper: after it takes a doorbell in `sleepers`, before it looks again
 *	F3 the sleeper: there, too; the same fence in all ranks' threads, which need no F1 then
 */
#ifndef SBN_SHM_CONTROL_H
#define SBN_SHM_CONTROL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "base/math.h"
#include "platform/nodes.h"
#include "shm/layout.h"

#define SBN_MAGIC UINT64_C(0x314e424e434e5953) /* "SYNCNBN1" */
#define SBN_ABI 7u
#define SBN_BYTE_ORDER 0x01020304u

/* The launcher is suspended, holds ranks for their stacks, and a debugger holds some: at most. */
enum { SBN_MAX_PAUSES = 3 };

/* Written by the creator, read-only from then on. */
struct sbn_segment_header {
	uint64_t magic;
	uint32_t abi;
	uint32_t byte_order;
	uint32_t pointer_bytes;
	uint32_t page_bytes;
	uint32_t world_size;
	int32_t creator_pid;
	uint64_t creator_start_time; /* clock ticks since boot, as /proc/PID/stat says */
	uint64_t creator_namespace;  /* in which the pid counts; 0: not known */
	uint64_t control_bytes;
	uint64_t run_id[2];
	uint64_t features;      /* none yet; unknown bits are refused */
	uint64_t checksum;      /* sbn_hash of all fields above */
	_Atomic uint32_t ready; /* 1, written last */
};

struct sbn_control_head {
	_Alignas(SBN_LINE) struct sbn_segment_header header;
	_Alignas(SBN_LINE) _Atomic uint64_t abort; /* 0, or who failed the run and how */
	/* the reasons, at most SBN_MAX_PAUSES, for which no deadline comes nearer; 0: none */
	_Alignas(SBN_LINE) _Atomic uint32_t clock_paused;
	_Alignas(SBN_LINE) _Atomic uint64_t extents_end; /* where the segment may grow */
	_Alignas(SBN_LINE) _Atomic uint32_t groups_made; /* numbers of sub groups, from 1 */
	_Atomic uint64_t tuning;                         /* the world's, once it has joined */
};

/* What has become of a rank; bits, each set once. */
enum sbn_rank_state {
	SBN_RANK_JOINED = 1, /* by the rank: attached */
	SBN_RANK_LEFT = 2,   /* by the rank: syncbn_finalize */
	SBN_RANK_GONE = 4    /* by the launcher: the process has ended, wait_status is valid */
};

/* The operations that a rank can be in. */
enum sbn_op {
	SBN_OP_NONE = 0,
	SBN_OP_JOIN,
	SBN_OP_FORWARD,
	SBN_OP_BACKWARD,
	SBN_OP_ALL_REDUCE,
	SBN_OP_BROADCAST,
	SBN_OP_ALL_GATHER,
	SBN_OP_REDUCE_SCATTER,
	SBN_OP_BARRIER,
	SBN_OP_ARENA,
	SBN_OP_GROUP,
	SBN_OP_RETURN,
	SBN_OP_BUCKET, /* an all-reduce in flight */
	SBN_OP_COUNT
};

extern const char *const sbn_op_names[SBN_OP_COUNT];

struct sbn_rank_life {
	_Atomic uint32_t state;
	_Atomic int32_t pid;
	_Atomic int32_t wait_status; /* as waitpid gives it; by the launcher before GONE */
};

/*
 * What the rank is in, for the launcher and for texts: one word, so that nobody reads half of it.
 * Of threads in several groups the last one to begin shows.
 */
struct sbn_rank_now {
	_Atomic uint64_t op;       /* sbn_now_pack() */
	_Atomic uint64_t since_ns; /* sbn_now_ns() when it began to wait; 0: it does not wait */
	_Atomic uint32_t peer;     /* the rank for which it waits, or waited last */
	_Atomic uint32_t first;    /* the items, [first, end), which it needs of that rank: */
	_Atomic uint32_t end;      /* in forward and backward channels */
};

struct sbn_doorbell {
	_Alignas(SBN_LINE) _Atomic uint32_t rings; /* a futex that counts its rings */
};

struct sbn_rank_block {
	_Alignas(SBN_LINE) struct sbn_rank_life life;
	_Alignas(SBN_LINE) struct sbn_rank_now now;
	_Alignas(SBN_LINE) _Atomic uint64_t sleepers; /* bit = a doorbell that a thread has taken */
	_Alignas(SBN_LINE) struct sbn_cpus cpus;      /* where it may run; before JOINED */
	struct sbn_doorbell doorbells[SBN_DOORBELLS];
	_Alignas(SBN_LINE) unsigned char trace[SBN_TRACE_BYTES];
	_Alignas(SBN_LINE) _Atomic uint32_t n_layer_names; /* given, room or not */
	_Alignas(SBN_LINE) char layer_names[SBN_MAX_LAYERS][SBN_LAYER_NAME];
	_Alignas(SBN_LINE) unsigned char bootstrap[SBN_BOOTSTRAP_BYTES];
};

_Static_assert(sizeof(struct sbn_doorbell) == SBN_LINE, "a doorbell has a line to itself");
_Static_assert(offsetof(struct sbn_rank_block, now) % SBN_LINE == 0 &&
		       offsetof(struct sbn_rank_block, sleepers) % SBN_LINE == 0 &&
		       offsetof(struct sbn_rank_block, cpus) % SBN_LINE == 0,
	       "each writer's words have a line to themselves");
_Static_assert(SBN_DOORBELLS == 64, "sleepers has a bit for each doorbell");

/* A mapped control extent. Plain memory: tests and worlds of one make it on the heap. */
struct sbn_control {
	struct sbn_control_head *head;
	unsigned char *blocks;
	uint64_t stride;
	uint32_t world_size;
	uint32_t page_bytes; /* this process's own word: the header's is not read again */
};

/* Lays a control extent over zeroed memory of layout.bytes bytes, aligned to a page. */
void sbn_control_over(void *memory, uint32_t world_size, size_t page_bytes,
		      struct sbn_control *control);

static inline struct sbn_rank_block *
sbn_control_rank(const struct sbn_control *control, uint32_t rank)
{
	return (struct sbn_rank_block *)(control->blocks + rank * control->stride);
}

/* Adds a state bit to a rank's life (C2). */
void sbn_control_set_state(const struct sbn_control *control, uint32_t rank,
			   enum sbn_rank_state state);
uint32_t sbn_control_state(const struct sbn_control *control, uint32_t rank);

/* ---- abort ---- */

struct sbn_abort {
	syncbn_status_t cause; /* TIMEOUT, MISMATCH or PEER_LOST; OK: nobody failed */
	uint32_t rank;         /* PEER_LOST: who is lost; else who found it */
	uint32_t other;        /* TIMEOUT, MISMATCH: whom that rank waited for, or differs from */
};

/*
 * Sets an abort word unless it is set (C3), with a full fence before the doorbells that the caller
 * rings then: all, as somebody may be about to sleep. True for the one that came first.
 */
bool sbn_abort_set(_Atomic uint64_t *word, struct sbn_abort abort);

/* What an abort word says (C3); of a word that none of us wrote: PEER_LOST of no rank. */
struct sbn_abort sbn_abort_read(const _Atomic uint64_t *word);

/* Fails the run: sets its abort word and rings every doorbell. True for the first. */
bool sbn_control_abort(const struct sbn_control *control, struct sbn_abort abort);

struct sbn_abort sbn_control_aborted(const struct sbn_control *control);

/* ---- doorbells ---- */

/* Whether a thread of `rank` sleeps, or is about to. After F1, or where all sleepers make F3. */
static inline bool
sbn_control_may_sleep(const struct sbn_control *control, uint32_t rank)
{
	/* relaxed: the caller's fence F1 stands between its store and this load */
	return atomic_load_explicit(&sbn_control_rank(control, rank)->sleepers,
				    memory_order_relaxed) != 0;
}

/* Rings the threads of `rank` that sleep; after F1, or where all sleepers make F3. */
void sbn_control_ring(const struct sbn_control *control, uint32_t rank);

/* Rings every doorbell of a rank, sleeping or not; of all ranks. */
void sbn_control_ring_loudly(const struct sbn_control *control, uint32_t rank);
void sbn_control_ring_all(const struct sbn_control *control);

/* ---- what a rank is in ---- */

struct sbn_now {
	bool inside; /* false: between operations; op and call are its last */
	enum sbn_op op;
	uint32_t group; /* the group's number; 0: the world; at most 127 is kept */
	uint32_t layer; /* 1 + index in the rank's layer_names; 0: none; at most 2047 is kept */
	uint64_t call;  /* the stream's sequence number, its low 40 bits */
};

enum {
	SBN_NOW_OP_BITS = 5,
	SBN_NOW_GROUP_BITS = 7,
	SBN_NOW_LAYER_BITS = 11,
	SBN_NOW_CALL_BITS = 40
};

_Static_assert(SBN_OP_COUNT <= 1 << SBN_NOW_OP_BITS, "every operation fits the word");
_Static_assert(SBN_MAX_LAYERS < 1 << SBN_NOW_LAYER_BITS, "every name fits the word");

static inline uint64_t
sbn_now_pack(struct sbn_now now)
{
	/* a program that makes layers without end must not count into the other bits */
	uint64_t layer = SBN_MIN(now.layer, (1u << SBN_NOW_LAYER_BITS) - 1);
	uint64_t group = SBN_MIN(now.group, (1u << SBN_NOW_GROUP_BITS) - 1);
	uint64_t word = (uint64_t)now.inside << SBN_NOW_OP_BITS | (uint64_t)now.op;

	word = word << SBN_NOW_GROUP_BITS | group;
	word = word << SBN_NOW_LAYER_BITS | layer;
	return word << SBN_NOW_CALL_BITS | (now.call & ((UINT64_C(1) << SBN_NOW_CALL_BITS) - 1));
}

struct sbn_now sbn_now_unpack(uint64_t word);

/* The word of the same operation once it has ended. */
static inline uint64_t
sbn_now_ended(uint64_t word)
{
	return word & ~(UINT64_C(1) << 63); /* `inside` */
}

/*
 * Writes what a rank is in or was in last, for example
 *	in forward of bn2, call 812
 *	in no collective; last: forward of bn2, call 812 (group 3)
 *	not joined
 */
void sbn_control_describe(const struct sbn_control *control, uint32_t rank, char *text,
			  size_t bytes);

/* The same of a word that the rank wrote elsewhere. */
void sbn_control_describe_now(const struct sbn_control *control, uint32_t rank, struct sbn_now now,
			      char *text, size_t bytes);

/* Writes the name of a rank's layer (1 + index): "bn2", or "layer 1500" without one. */
void sbn_control_layer_name(const struct sbn_control *control, uint32_t rank, uint32_t layer,
			    char *text, size_t bytes);

/* Writes how a rank ended, from its wait status: "killed by signal 9 (Killed)", "exit 3". */
void sbn_control_ending(const struct sbn_control *control, uint32_t rank, char *text, size_t bytes);

#endif

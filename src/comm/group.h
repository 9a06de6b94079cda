/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process group from the inside.
 *
 * Release and acquire pairs, beside those of the rings, the barrier and the control extent:
 *	C5 sbn_group_enter: a member's `now`	- sbn_group_now
 *	G1 a sub group's close: `freed`		- sbn_group_has_freed
 *	G2 a sub group's close: `n_freed`	- itself, in the last member
 */
#ifndef SBN_COMM_GROUP_H
#define SBN_COMM_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/group.h>

#include "comm/process.h"
#include "comm/transport.h"
#include "comm/tuning.h"
#include "shm/segment.h"
#include "sync/barrier.h"
#include "sync/leave.h"
#include "sync/ring.h"
#include "trace/counters.h"

enum {
	SBN_CHANNELS_A_CALL = 4096, /* more channels travel in several calls */
	SBN_PAIR_BYTES = 16,        /* two doubles a channel */
	SBN_DATA_ROOM =
		128 * 1024, /* bytes of an all-reduce or broadcast that travel in one call */
	SBN_CONTROL_ROOM = 2048
};

/* Memory that all ranks of a group see: one slice a rank. */
struct sbn_shared {
	unsigned char *base;
	uint64_t stride;
	uint64_t slice_bytes;
	struct sbn_extent extent; /* shm only */
};

/*
 * A rank's words in a group, for its peers there; zeroed memory at first. Words of the run as a
 * whole, doorbells for one, are in the control extent.
 */
struct sbn_seat {
	_Alignas(SBN_LINE) _Atomic uint64_t now; /* sbn_now_pack(): what it is in, in this group */
	_Atomic uint32_t freed;                  /* 1: it has freed the group (G1) */
	struct sbn_leave_line leave;
	struct sbn_barrier_line meeting; /* of those who return */
	/* in rank 0's seat, by all */
	_Alignas(SBN_LINE) _Atomic uint64_t abort; /* of a sub group; the world's is the run's */
	_Atomic uint32_t n_freed;                  /* members that need the memory no more (G2) */
};

_Static_assert(sizeof(struct sbn_seat) == 4 * SBN_LINE, "each writer's words have a line");

/* A sequence of calls is a stream's, or the barrier's. */
enum { SBN_SEQUENCE_BARRIER = SBN_STREAMS, SBN_SEQUENCES };

_Static_assert((int)SBN_SEQUENCES <= (int)SBN_MAX_SEQUENCES, "a leaver can tell of all sequences");

struct syncbn_arena; /* of src/train, both */
struct sbn_flight;

/* What a group has to outlive. */
enum sbn_user { SBN_USER_LAYER, SBN_USER_SAVED, SBN_USER_ARENA, SBN_USERS };

struct syncbn_group {
	uint32_t rank;
	uint32_t size;
	uint32_t number;   /* in texts; 0: the world, or this process alone */
	uint32_t *members; /* [size]: the ranks' numbers in the run */
	const struct sbn_transport *transport;
	struct sbn_process *process;
	bool is_world;
	struct sbn_tuning tuning;   /* which way of a collective is the fastest */
	bool may_spin;              /* the lanes of all ranks together have CPUs enough */
	bool light;                 /* who publishes makes no F1: all sleepers make F3 */
	bool *shares;               /* [size]: who does not come while this rank spins */
	uint32_t *peers;            /* [size - 1], as they are waited for: those first */
	struct sbn_segment segment; /* shm only */
	struct sbn_control control; /* the segment's; self: this process's own */
	struct sbn_rank_block *own;
	struct sbn_trace *trace;
	struct sbn_seat **seats; /* [size] */
	_Atomic uint64_t *abort;
	uint64_t shown; /* what this group last wrote into the rank's line of the control extent */
	struct sbn_ring rings[SBN_STREAMS];
	unsigned char **parts; /* [SBN_STREAMS][size] */
	struct sbn_barrier barrier;
	struct sbn_barrier_line **barrier_lines; /* [size] */
	struct sbn_shared shared;                /* see comm/slice.h */
	struct sbn_leave leave;
	struct sbn_leave_line **leave_lines; /* [size] */
	struct sbn_barrier meeting;
	struct sbn_barrier_line **meeting_lines; /* [size] */
	syncbn_divisor_t divisor;                /* of means, after ranks have left */
	uint64_t waited_ticks;                   /* by lane 0 of the calls */
	uint32_t n_small;                        /* collectives, see sbn_span_begin() */
	uint32_t n_layers;                       /* made so far: the next layer's number */
	uint32_t n_users[SBN_USERS];             /* that live */
	struct syncbn_arena *arenas;
	struct sbn_flight *flight; /* NULL before the first all-reduce in flight */
	uint32_t n_in_flight;      /* begun and not ended */
	void (*advance)(struct syncbn_group *group); /* lets them go on; NULL as `flight` */
	syncbn_status_t failed; /* the first failure that a call on this rank returned */
	char failure[1024];     /* its detail */
};

/* A group without transport, memory or peers; NULL where there is no memory. */
struct syncbn_group *sbn_group_alloc(struct sbn_process *process, uint32_t rank, uint32_t size);
void sbn_group_discard(struct syncbn_group *group);

/* Decides the order of `peers`, after `shares`. */
void sbn_group_order_peers(struct syncbn_group *group);

/* The group of all ranks that the contract names; Collective. */
syncbn_status_t sbn_group_join(struct sbn_process *process, struct syncbn_group **world);

/* A group of this process alone. */
syncbn_status_t sbn_group_alone(struct sbn_process *process, struct syncbn_group **group);

/* Lets the peers know that this rank is done with the group, and frees it. */
void sbn_group_close(struct syncbn_group *group);

/*
 * Before a call: the failure that this rank has seen, or that the abort word holds; INVALID when
 * this rank has left; else OK.
 */
syncbn_status_t sbn_group_check_closely(struct syncbn_group *group);

/* The same: nearly every call finds no abort word set, the group's or the run's. */
static inline syncbn_status_t
sbn_group_check(struct syncbn_group *group)
{
	/* C3 pairs with sbn_abort_set(), both; who finds one set looks again */
	if (group->failed == SYNCBN_OK && !group->leave.left &&
	    atomic_load_explicit(group->abort, memory_order_acquire) == 0 &&
	    atomic_load_explicit(&group->control.head->abort, memory_order_acquire) == 0)
		return SYNCBN_OK;
	return sbn_group_check_closely(group);
}

/* The same, without a look at whether this rank has left. */
syncbn_status_t sbn_group_check_failure(struct syncbn_group *group);

/* INVALID, with what to do, while all-reduces are in flight. */
syncbn_status_t sbn_group_check_landed(const struct syncbn_group *group);

/* Keeps the failure of a call for sbn_group_check, and makes it the last error. */
void sbn_group_fail(struct syncbn_group *group, syncbn_status_t status, const char *detail);

/*
 * Who failed the group, by a rank's number in the run: for a sub group its own abort word, or the
 * loss of a member; another group's TIMEOUT or MISMATCH is not its failure.
 */
struct sbn_abort sbn_group_aborted(const struct syncbn_group *group);

/* The same as a status with its detail; OK when there is none. */
syncbn_status_t sbn_group_failure(struct syncbn_group *group);

/*
 * Sets the group's abort word and wakes its members; `member` and `other`, ranks of the group, are
 * what sbn_abort says.
 */
void sbn_group_abort(struct syncbn_group *group, syncbn_status_t cause, uint32_t member,
		     uint32_t other);

/* Whether a member has freed its sub group (G1). */
bool sbn_group_has_freed(const struct syncbn_group *group, uint32_t member);

/*
 * Wakes the members that sleep; whoever goes to sleep after it sees what was stored before (F1). A
 * full fence waits until all stores have left the CPU, those past the caches too: half a
 * microsecond for each chunk that a layer publishes.
 */
static inline void
sbn_group_ring(const struct syncbn_group *group)
{
	if (group->light)
		/* F3 in take_bell() is a full fence here, too: the compiler must keep the order */
		atomic_signal_fence(memory_order_seq_cst);
	else
		/* F1 pairs with F2 in take_bell() */
		atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t peer = 0; peer < group->size; peer++)
		if (peer != group->rank &&
		    sbn_control_may_sleep(&group->control, group->members[peer]))
			sbn_control_ring(&group->control, group->members[peer]);
}

/* The stream on which an operation travels; SBN_STREAMS for the barrier and for none. */
enum sbn_stream sbn_op_stream(enum sbn_op op);

/* Says what this rank is in; C5: after all that it published before. */
static inline void
sbn_group_enter(struct syncbn_group *group, enum sbn_op op, uint32_t name, uint64_t call)
{
	struct sbn_now now = {
		.inside = true, .op = op, .group = group->number, .layer = name, .call = call
	};

	group->shown = sbn_now_pack(now);
	/* C5 pairs with sbn_group_now(): who sees this sees what was published before */
	atomic_store_explicit(&group->seats[group->rank]->now, group->shown, memory_order_release);
	/* release: the launcher reads time, word, time */
	atomic_store_explicit(&group->own->now.op, group->shown, memory_order_release);
}

/* Between operations, the last of which `now` tells. */
static inline void
sbn_group_show_outside(struct syncbn_group *group, uint64_t now)
{
	uint64_t before = group->shown;

	group->shown = now;
	/* relaxed: whoever reads "between operations" concludes nothing from it */
	atomic_store_explicit(&group->seats[group->rank]->now, group->shown, memory_order_relaxed);
	/*
	 * A thread in another group may have come since: its word stays, unless it comes between
	 * these two, which a locked instruction a call would be too dear for. relaxed: as above
	 */
	if (atomic_load_explicit(&group->own->now.op, memory_order_relaxed) == before)
		atomic_store_explicit(&group->own->now.op, group->shown, memory_order_relaxed);
}

static inline void
sbn_group_exit(struct syncbn_group *group)
{
	sbn_group_show_outside(group, sbn_now_ended(group->shown));
}

/* The same as both, for what waits for nobody: no peer may take it for blocked meanwhile. */
static inline void
sbn_group_pass(struct syncbn_group *group, enum sbn_op op, uint64_t call)
{
	struct sbn_now now = { .op = op, .group = group->number, .call = call };

	sbn_group_show_outside(group, sbn_now_pack(now));
}

/* What a member is in, or was in last, in this group (C5). */
struct sbn_now sbn_group_now(const struct syncbn_group *group, uint32_t member);

/*
 * Gives a layer a name where peers and the launcher can read it: "bn" and its number in the group
 * where name is NULL. Returns 1 + index in this rank's table, for sbn_call.name.
 */
uint32_t sbn_group_name_layer(struct syncbn_group *group, uint32_t number, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A process group from the inside. */
#ifndef SBN_COMM_GROUP_H
#define SBN_COMM_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/group.h>

#include "comm/process.h"
#include "comm/transport.h"
#include "shm/segment.h"
#include "sync/barrier.h"
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

struct syncbn_arena; /* of src/train */

struct syncbn_group {
	uint32_t rank;
	uint32_t size;
	const struct sbn_transport *transport;
	struct sbn_process *process;
	bool is_world;
	bool may_spin;              /* the lanes of all ranks together have CPUs enough */
	struct sbn_segment segment; /* shm only */
	struct sbn_control control; /* the segment's; self: this process's own */
	struct sbn_rank_block *own;
	struct sbn_trace *trace;
	struct sbn_ring rings[SBN_STREAMS];
	unsigned char **parts; /* [SBN_STREAMS][size] */
	struct sbn_barrier barrier;
	struct sbn_barrier_line **barrier_lines; /* [size] */
	struct sbn_shared shared;                /* rings and barrier */
	uint32_t n_layers;                       /* made so far: the next layer's number */
	uint32_t n_users;                        /* layers, saved objects and arenas that live */
	struct syncbn_arena *arenas;
	syncbn_status_t failed; /* the first failure that a call on this rank returned */
	char failure[1024];     /* its detail */
};

/* The group of all ranks that the contract names; Collective. */
syncbn_status_t sbn_group_join(struct sbn_process *process, struct syncbn_group **world);

/* A group of this process alone. */
syncbn_status_t sbn_group_alone(struct sbn_process *process, struct syncbn_group **group);

/* Says goodbye to the peers (world only) and frees the group. */
void sbn_group_close(struct syncbn_group *group);

/* Before a call: the failure that this rank has seen, or that the abort word holds; else OK. */
syncbn_status_t sbn_group_check(struct syncbn_group *group);

/* Keeps the failure of a call for sbn_group_check, and makes it the last error. */
void sbn_group_fail(struct syncbn_group *group, syncbn_status_t status, const char *detail);

/* The failure that the abort word holds, with its detail; OK when there is none. */
syncbn_status_t sbn_group_failure(struct syncbn_group *group);

/* The stream on which an operation travels; SBN_STREAMS for the barrier and for none. */
enum sbn_stream sbn_op_stream(enum sbn_op op);

/* Says what this rank is in (inside) or was in last; C5: after all that it published before. */
void sbn_group_enter(struct syncbn_group *group, enum sbn_op op, uint32_t name, uint64_t call);
void sbn_group_leave_op(struct syncbn_group *group);

#endif

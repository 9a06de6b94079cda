/* SPDX-License-Identifier: Apache-2.0 */
#include "shm/control.h"

#include "platform/futex.h"

void
sbn_control_over(void *memory, uint32_t world_size, size_t page_bytes, struct sbn_control *control)
{
	struct sbn_control_layout layout;

	sbn_control_layout(world_size, page_bytes, &layout);
	*control = (struct sbn_control){
		.head = memory,
		.blocks = (unsigned char *)memory + layout.rank_offset,
		.stride = layout.rank_stride,
		.world_size = world_size,
		.page_bytes = (uint32_t)page_bytes,
	};
}

void
sbn_control_set_state(const struct sbn_control *control, uint32_t rank, enum sbn_rank_state state)
{
	/* C2 pairs with sbn_control_state(): pid, cpus or wait_status were written before */
	atomic_fetch_or_explicit(&sbn_control_rank(control, rank)->life.state, (uint32_t)state,
				 memory_order_release);
}

uint32_t
sbn_control_state(const struct sbn_control *control, uint32_t rank)
{
	/* C2 pairs with sbn_control_set_state() */
	return atomic_load_explicit(&sbn_control_rank(control, rank)->life.state,
				    memory_order_acquire);
}

bool
sbn_abort_set(_Atomic uint64_t *word, struct sbn_abort abort)
{
	uint64_t none = 0;
	uint64_t failed =
		(uint64_t)(-(int)abort.cause) << 48 | (uint64_t)abort.other << 24 | abort.rank;
	/* C3 pairs with sbn_abort_read(): the lost rank's wait_status was written before */
	bool first =
		atomic_compare_exchange_strong_explicit(word, &none, failed, memory_order_acq_rel,
							memory_order_acquire);

	atomic_thread_fence(memory_order_seq_cst);
	return first;
}

static bool
is_cause(uint64_t negated)
{
	return negated == -SYNCBN_ERR_TIMEOUT || negated == -SYNCBN_ERR_MISMATCH ||
	       negated == -SYNCBN_ERR_PEER_LOST;
}

struct sbn_abort
sbn_abort_read(const _Atomic uint64_t *word)
{
	/* C3 pairs with sbn_abort_set() */
	uint64_t failed = atomic_load_explicit(word, memory_order_acquire);

	if (failed != 0 && !is_cause(failed >> 48))
		return (struct sbn_abort){ .cause = SYNCBN_ERR_PEER_LOST, .rank = UINT32_MAX };
	return (struct sbn_abort){
		.cause = (syncbn_status_t)(-(int)(failed >> 48)),
		.rank = (uint32_t)failed & 0xffffff,
		.other = (uint32_t)(failed >> 24) & 0xffffff,
	};
}

bool
sbn_control_abort(const struct sbn_control *control, struct sbn_abort abort)
{
	bool first = sbn_abort_set(&control->head->abort, abort);

	sbn_control_ring_all(control);
	return first;
}

struct sbn_abort
sbn_control_aborted(const struct sbn_control *control)
{
	return sbn_abort_read(&control->head->abort);
}

static void
ring_one(struct sbn_rank_block *block, unsigned doorbell)
{
	/* D1: its acquire is nap()'s; whoever sees this count sees what it rang for */
	atomic_fetch_add_explicit(&block->doorbells[doorbell].rings, 1, memory_order_release);
	sbn_futex_wake(&block->doorbells[doorbell].rings, true);
}

void
sbn_control_ring(const struct sbn_control *control, uint32_t rank)
{
	struct sbn_rank_block *block = sbn_control_rank(control, rank);
	/* relaxed: the caller's fence F1 stands between its store and this load */
	uint64_t sleepers = atomic_load_explicit(&block->sleepers, memory_order_relaxed);

	while (sleepers != 0) {
		ring_one(block, (unsigned)__builtin_ctzll(sleepers));
		sleepers &= sleepers - 1;
	}
}

void
sbn_control_ring_loudly(const struct sbn_control *control, uint32_t rank)
{
	for (unsigned doorbell = 0; doorbell < SBN_DOORBELLS; doorbell++)
		ring_one(sbn_control_rank(control, rank), doorbell);
}

void
sbn_control_ring_all(const struct sbn_control *control)
{
	for (uint32_t rank = 0; rank < control->world_size; rank++)
		sbn_control_ring_loudly(control, rank);
}

struct sbn_now
sbn_now_unpack(uint64_t word)
{
	uint64_t rest = word >> SBN_NOW_CALL_BITS;
	struct sbn_now now = {
		.inside = word >> 63,
		.call = word & ((UINT64_C(1) << SBN_NOW_CALL_BITS) - 1),
	};
	unsigned op;

	now.layer = rest & ((1u << SBN_NOW_LAYER_BITS) - 1);
	rest >>= SBN_NOW_LAYER_BITS;
	now.group = rest & ((1u << SBN_NOW_GROUP_BITS) - 1);
	rest >>= SBN_NOW_GROUP_BITS;
	op = rest & ((1u << SBN_NOW_OP_BITS) - 1);
	now.op = op < SBN_OP_COUNT ? (enum sbn_op)op : SBN_OP_NONE;
	return now;
}

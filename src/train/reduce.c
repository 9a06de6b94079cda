/* SPDX-License-Identifier: Apache-2.0 */
#include "train/reduce.h"

#include "base/math.h"
#include "comm/collective.h"
#include "train/arena.h"

enum { MIN_SHARE_BYTES = 32 * 1024 }; /* less is not worth another thread */

/* A rank's part of a reduction, and who takes part in it. */
struct part {
	const struct sbn_reduction *whole;
	const uint32_t *present; /* [n_present]: the ranks that take part; this one is number own */
	uint32_t n_present, own;
	size_t begin, end; /* the elements that this rank sums */
	double divisor;
	int n_shares;
};

static void
sum_share(void *argument, int index)
{
	const struct part *part = argument;
	const struct sbn_reduction *r = part->whole;
	size_t size = part->end - part->begin;
	size_t begin =
		part->begin + sbn_part_begin(size, (uint64_t)part->n_shares, (uint64_t)index);
	size_t end =
		part->begin + sbn_part_begin(size, (uint64_t)part->n_shares, (uint64_t)index + 1);
	void *buffers[part->n_present];
	struct sbn_rows rows = {
		.src = (const void *const *)buffers,
		.n_src = part->n_present,
		.dst = buffers,
		.n_dst = part->n_present,
		.divisor = part->divisor,
	};

	for (uint32_t i = 0; i < part->n_present; i++)
		buffers[i] = sbn_arena_part(r->arena, part->present[i]) + r->offset +
			     begin * sbn_dtype_bytes(r->dtype);
	sbn_reduce_rows(r->arena->group, &rows, end - begin, r->dtype);
}

static void
sum_part(struct part *part)
{
	const struct sbn_reduction *r = part->whole;
	struct sbn_team *team = r->arena->group->process->team;
	size_t bytes = (part->end - part->begin) * sbn_dtype_bytes(r->dtype);
	int threads = sbn_team_acquire(team);

	part->n_shares = (int)SBN_MIN((size_t)threads, bytes / MIN_SHARE_BYTES + 1);
	sbn_team_run(team, threads, part->n_shares, sum_share, part);
	sbn_team_release(team, threads);
}

/* The ranks that take part share the work; nobody touches the others' buffers. */
void
sbn_reduction_sum(const struct sbn_reduction *r, const struct sbn_running_call *running)
{
	uint32_t present[running->group->size];
	struct part part = { .whole = r, .present = present };

	part.n_present = sbn_call_roll(running, present);
	part.divisor = r->op == SYNCBN_MEAN ? sbn_call_divisor(running) : 1;
	while (present[part.own] != running->group->rank)
		part.own++;
	part.begin = sbn_share_begin(r->count, r->dtype, part.n_present, part.own);
	part.end = sbn_share_begin(r->count, r->dtype, part.n_present, part.own + 1);
	sum_part(&part);
}

struct sbn_call
sbn_reduction_call(const struct sbn_reduction *r, enum sbn_op op)
{
	return (struct sbn_call){
		.op = op,
		.n_items = 1,
		.n_lanes = 1,
		.agreed = { r->count, r->dtype, sbn_reduce_word(r->arena->group, r->op),
			    1 + r->arena->shared.extent.offset + r->offset },
	};
}

static syncbn_status_t
reduce_in_place(const struct sbn_reduction *r)
{
	struct sbn_call call = sbn_reduction_call(r, SBN_OP_ALL_REDUCE);
	struct sbn_running_call running;
	syncbn_status_t status = sbn_call_begin(r->arena->group, SBN_STREAM_DATA, &call, &running);

	if (status != SYNCBN_OK)
		return status;
	if (sbn_call_await(&running, 0, 0, 0) == SYNCBN_OK) {
		sbn_reduction_sum(r, &running);
		sbn_call_publish(&running, 0, 1);
		sbn_call_await(&running, 0, 0, 1);
	}
	return sbn_call_end(&running);
}

syncbn_status_t
sbn_all_reduce(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
	       syncbn_reduce_t op)
{
	struct sbn_reduction r = { .count = count, .dtype = dtype, .op = op };
	size_t bytes = count * sbn_dtype_bytes(dtype);
	syncbn_status_t status;
	struct sbn_span span;

	if (count == 0)
		return sbn_group_check(group);
	r.arena = sbn_arena_find(group, data, bytes, &r.offset);
	if (r.arena == NULL)
		return sbn_all_reduce_staged(group, data, count, dtype, op);
	span = sbn_span_begin(group, bytes);
	status = reduce_in_place(&r);
	sbn_span_end(group, &span, bytes);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The all-reduce of an array, anywhere or in an arena, and an arena's floor. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "base/hash.h"
#include "perf_work.h"
#include "shm/layout.h"

static void
rewrite(struct perf_work *work)
{
	memcpy(work->array.data, work->numbers.data, work->bytes);
}

static void
allreduce_free(struct perf_work *work)
{
	if (work->arena != NULL)
		syncbn_arena_free(work->arena);
	else
		syncbn_free(work->array.data);
	syncbn_free(work->numbers.data);
	free(work->buffers);
}

/* Whether the peers' buffers are where their arenas should be: each has left its mark. */
static bool
are_marked(struct perf_work *work)
{
	bool all = true;

	for (uint32_t rank = 0; rank < work->group->size; rank++)
		all = all && *(const uint32_t *)work->buffers[rank] == rank + 1;
	return all;
}

/* Where every rank's buffer lies, so that the floor can pass over them. */
static syncbn_status_t
find_buffers(struct perf_work *work)
{
	struct syncbn_group *group = work->group;
	struct sbn_extent_layout layout;
	syncbn_status_t status;
	bool found;

	work->buffers = calloc(group->size, sizeof(*work->buffers));
	if (work->buffers == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of buffers");
	sbn_extent_layout(group->size, work->bytes, (size_t)sysconf(_SC_PAGESIZE), &layout);
	for (uint32_t rank = 0; rank < group->size; rank++)
		work->buffers[rank] =
			(unsigned char *)work->array.data +
			((ptrdiff_t)rank - (ptrdiff_t)group->rank) * (ptrdiff_t)layout.slice_stride;
	*(uint32_t *)work->array.data = group->rank + 1;
	status = syncbn_barrier(group);
	if (status != SYNCBN_OK)
		return status;
	found = are_marked(work);
	status = syncbn_barrier(group); /* nobody writes there before all have looked */
	return found ? status :
		       sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"the peers' arenas are not where the floor looks for them");
}

static syncbn_status_t
make_array(struct perf_work *work)
{
	syncbn_status_t status = SYNCBN_OK;

	if (!work->options->arena) {
		work->array.data = syncbn_alloc(work->bytes);
		return work->array.data != NULL ?
			       SYNCBN_OK :
			       sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes", work->bytes);
	}
	status = syncbn_arena_new(work->group, work->bytes, &work->arena);
	if (status != SYNCBN_OK)
		return status;
	work->array.data = syncbn_arena_alloc(work->arena, work->bytes);
	return find_buffers(work);
}

static syncbn_status_t
allreduce_make(struct perf_work *work)
{
	bool is_double = work->options->dtype == SYNCBN_FLOAT64;
	struct perf_array array = {
		.count = work->bytes / (is_double ? sizeof(double) : sizeof(float)),
		.is_double = is_double,
	};
	syncbn_status_t status;

	work->numbers = work->array = array;
	work->numbers.data = syncbn_alloc(work->bytes);
	if (work->numbers.data == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes", work->bytes);
	status = make_array(work);
	if (status != SYNCBN_OK) {
		allreduce_free(work);
		return status;
	}
	perf_array_fill(&work->numbers, work->group->rank);
	return SYNCBN_OK;
}

static syncbn_status_t
allreduce_call(struct perf_work *work)
{
	return syncbn_all_reduce(work->group, work->array.data, work->array.count,
				 work->options->dtype, work->options->reduce);
}

static uint64_t
allreduce_wrong(const struct perf_work *work, uint64_t *hash)
{
	*hash = sbn_hash(SBN_HASH_START, work->array.data, work->bytes);
	return perf_wrong_sums(&work->array, work->group->size,
			       work->options->reduce == SYNCBN_MEAN);
}

/* ---- the floor ---- */

/*
 * Every buffer's words go to the next buffer: all are read and all are written. Words are registers
 * of the set: wider ones would go by way of the stack. may_alias: the memory holds floats or
 * doubles.
 */
#define DEFINE_ROTATE(set, bytes, for_set)                                                        \
	typedef uint64_t words_##set __attribute__((vector_size(bytes), aligned(4), may_alias));  \
                                                                                                  \
	static for_set void rotate_##set(unsigned char *const *buffers, uint32_t n, size_t begin, \
					 size_t end)                                              \
	{                                                                                         \
		for (size_t at = begin; at + (bytes) <= end; at += (bytes)) {                     \
			words_##set carried = *(const words_##set *)(buffers[n - 1] + at);        \
                                                                                                  \
			for (uint32_t rank = 0; rank < n; rank++) {                               \
				words_##set *here = (words_##set *)(buffers[rank] + at);          \
				words_##set next = *here;                                         \
                                                                                                  \
				*here = carried;                                                  \
				carried = next;                                                   \
			}                                                                         \
		}                                                                                 \
	}

DEFINE_ROTATE(plain, 16, )
#ifdef SBN_HAVE_X86
DEFINE_ROTATE(avx512, 64, __attribute__((target("avx512f"))))
DEFINE_ROTATE(avx2, 32, __attribute__((target("avx2"))))
#endif

static void
floor_share(void *argument, int index)
{
	const struct perf_work *work = argument;
	uint64_t n_parts = (uint64_t)work->group->size * (uint64_t)syncbn_threads();
	uint64_t part = work->group->rank * (uint64_t)syncbn_threads() + (uint64_t)index;
	uint64_t lines = work->bytes / SBN_LINE;
	size_t begin = sbn_part_begin(lines, n_parts, part) * SBN_LINE;
	size_t end = sbn_part_begin(lines, n_parts, part + 1) * SBN_LINE;
	unsigned char *const *buffers = (unsigned char *const *)work->buffers;

#ifdef SBN_HAVE_X86
	if (__builtin_cpu_supports("avx512f"))
		rotate_avx512(buffers, work->group->size, begin, end);
	else if (__builtin_cpu_supports("avx2"))
		rotate_avx2(buffers, work->group->size, begin, end);
	else
#endif
		rotate_plain(buffers, work->group->size, begin, end);
}

static syncbn_status_t
floor_call(struct perf_work *work)
{
	return syncbn_parallel_for(syncbn_threads(), floor_share, work);
}

/* The memory of an all-reduce in an arena read and written once, without a sum. */
static const struct perf_kind arena_floor = { .rewrite = rewrite, .call = floor_call };

const struct perf_kind perf_allreduce = {
	.make = allreduce_make,
	.rewrite = rewrite,
	.call = allreduce_call,
	.wrong = allreduce_wrong,
	.free = allreduce_free,
	.beside = &arena_floor,
};

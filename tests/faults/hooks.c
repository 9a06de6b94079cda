/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/call.h"
#include "kernels/kernels.h"
#include "shm/control.h"

enum phase hooks_phase;
bool hooks_armed;

enum phase
hooks_phase_of(const char *name)
{
	for (int phase = 0; phase < N_PHASES; phase++)
		if (strcmp(name, phase_names[phase]) == 0)
			return (enum phase)phase;
	abort();
}

static void
come_to(enum phase phase)
{
	if (hooks_armed)
		reached(phase);
}

/* ---- kernels ---- */

static const struct sbn_kernels *real;

static void
planes_moments(const struct sbn_beside *beside, size_t n, size_t spatial)
{
	come_to(MOMENTS);
	real->of[SBN_F32].planes_moments(beside, n, spatial);
}

static void
planes_normalize(const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	come_to(NORMALIZE);
	real->of[SBN_F32].planes_normalize(at, n, spatial, k, c, n_channels);
}

static void
merge_moments(struct sbn_pair *sum, const struct sbn_pair *const *row, const double *count,
	      size_t n_rows, size_t n_channels)
{
	come_to(REDUCE);
	real->merge_moments(sum, row, count, n_rows, n_channels);
}

static void
sum_f32(float *const *dst, size_t n_dst, const float *const *src, size_t n_src, size_t count,
	float divisor)
{
	come_to(GRADIENTS);
	real->sum_f32(dst, n_dst, src, n_src, count, divisor);
}

syncbn_status_t __real_sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels);
syncbn_status_t __wrap_sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels);

syncbn_status_t
__wrap_sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels)
{
	static struct sbn_kernels hooked;
	syncbn_status_t status = __real_sbn_kernels_choose(isa, &real);

	if (status != SYNCBN_OK)
		return status;
	hooked = *real;
	hooked.of[SBN_F32].planes_moments = planes_moments;
	hooked.of[SBN_F32].planes_normalize = planes_normalize;
	hooked.merge_moments = merge_moments;
	hooked.sum_f32 = sum_f32;
	*kernels = &hooked;
	return SYNCBN_OK;
}

/* ---- functions ---- */

static struct syncbn_group *world;

static void
publish(struct syncbn_group *group, const struct sbn_ring *ring, const struct sbn_call *unseen,
	uint32_t lane, uint32_t end)
{
	if (ring == &world->rings[SBN_STREAM_FORWARD])
		come_to(PUBLISH);
	sbn_transport_shm.publish(group, ring, unseen, lane, end);
}

static bool
covered(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end)
{
	if (ring == &world->rings[SBN_STREAM_FORWARD])
		come_to(WAIT);
	return sbn_transport_shm.covered(ring, peer, begin, end);
}

syncbn_status_t __real_sbn_group_join(struct sbn_process *process, struct syncbn_group **group);
syncbn_status_t __wrap_sbn_group_join(struct sbn_process *process, struct syncbn_group **group);

/* With another table than shm's own, calls do not take the inline road past it. */
syncbn_status_t
__wrap_sbn_group_join(struct sbn_process *process, struct syncbn_group **group)
{
	static struct sbn_transport hooked;
	syncbn_status_t status = __real_sbn_group_join(process, group);

	if (status != SYNCBN_OK || (*group)->transport != &sbn_transport_shm)
		return status;
	world = *group;
	hooked = sbn_transport_shm;
	hooked.publish = publish;
	hooked.covered = covered;
	world->transport = &hooked;
	return status;
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	come_to(CHECKPOINT);
	return __real_renameat(from_dir, from, to_dir, to);
}

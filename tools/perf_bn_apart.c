/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_apart.h"

#include <stdint.h>
#include <string.h>

#include <syncbn/parallel.h>

#include "base/math.h"

enum { VECTOR = 4 /* floats, a vector of any machine */ };

/* By the compilers' own vectors: they make none of a loop with a comparison of floats. */
typedef float floats __attribute__((vector_size(VECTOR * sizeof(float))));
typedef int32_t bits __attribute__((vector_size(VECTOR * sizeof(int32_t))));

struct job {
	float *y;
	const float *z;
	float slope; /* of what is below 0 */
	size_t n;
	int parts;
};

static floats
load(const float *p)
{
	floats v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* v, where it is above 0, else slope * v; a NaN stays. */
static void
store_activated(float *y, floats v, float slope)
{
	const bits above = v > 0;
	const bits chosen = ((bits)v & above) | ((bits)(v * slope) & ~above);

	memcpy(y, &chosen, sizeof(chosen));
}

static void
run_part(void *argument, int index)
{
	const struct job *job = argument;
	size_t vectors = job->n / VECTOR;
	size_t begin = sbn_part_begin(vectors, (uint64_t)job->parts, (uint64_t)index) * VECTOR;
	size_t end = sbn_part_begin(vectors, (uint64_t)job->parts, (uint64_t)index + 1) * VECTOR;

	for (size_t at = begin; at < end; at += VECTOR) {
		floats v = load(job->y + at);

		if (job->z != NULL)
			v += load(job->z + at);
		store_activated(job->y + at, v, job->slope);
	}
}

void
perf_bn_apart(enum perf_bn_act act, float *y, const float *z, size_t n)
{
	struct job job = {
		.y = y,
		.z = z,
		.slope = act == PERF_BN_LEAKY_RELU ? (float)PERF_BN_SLOPE : 0,
		.n = n,
		.parts = syncbn_threads(),
	};

	syncbn_parallel_for(job.parts, run_part, &job);
	for (size_t i = n / VECTOR * VECTOR; i < n; i++) {
		float v = z != NULL ? y[i] + z[i] : y[i];

		y[i] = v > 0 ? v : job.slope * v;
	}
}

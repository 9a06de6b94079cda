/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_apart.h"

#include <syncbn/parallel.h>

#include "base/math.h"

enum { LINE = 16 /* floats */ };

struct job {
	float *y;
	const float *z;
	float slope; /* of what is below 0 */
	size_t n;
	int parts;
};

/* Whole lines, so that any compiler makes vectors of them. */
static void
act_line(float *restrict y, float slope)
{
	for (int i = 0; i < LINE; i++)
		y[i] = y[i] > 0 ? y[i] : slope * y[i];
}

static void
add_act_line(float *restrict y, const float *restrict z, float slope)
{
	for (int i = 0; i < LINE; i++) {
		float v = y[i] + z[i];

		y[i] = v > 0 ? v : slope * v;
	}
}

static void
run_part(void *argument, int index)
{
	const struct job *job = argument;
	size_t lines = job->n / LINE;
	size_t begin = sbn_part_begin(lines, (uint64_t)job->parts, (uint64_t)index) * LINE;
	size_t end = sbn_part_begin(lines, (uint64_t)job->parts, (uint64_t)index + 1) * LINE;

	for (size_t at = begin; at < end; at += LINE) {
		if (job->z != NULL)
			add_act_line(job->y + at, job->z + at, job->slope);
		else
			act_line(job->y + at, job->slope);
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
	for (size_t i = n / LINE * LINE; i < n; i++) {
		float v = z != NULL ? y[i] + z[i] : y[i];

		y[i] = v > 0 ? v : job.slope * v;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/columns.h"

#include <string.h>

#include "kernels/block.h"

static void
begin(struct sbn_columns *into, double count, const double *mean, const double *m2,
      const double *low, size_t n)
{
	into->count = count;
	memcpy(into->mean, mean, n * sizeof(*mean));
	memcpy(into->m2, m2, n * sizeof(*m2));
	if (low == NULL)
		memset(into->low, 0, n * sizeof(*low));
	else
		memcpy(into->low, low, n * sizeof(*low));
}

static void
add_wide(struct sbn_columns *into, double share, double cross, const double *part_mean,
	 const double *m2, const double *part_low, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double delta = (part_mean[i] - into->mean[i]) + (part_low[i] - into->low[i]);
		double low, mean = sbn_sum_of_two(into->mean[i], delta * share, &low);

		into->mean[i] = sbn_sum_of_two(mean, into->low[i] + low, &into->low[i]);
		into->m2[i] += m2[i] + delta * delta * cross;
	}
}

void
sbn_columns_add(struct sbn_columns *into, double count, const double *mean, const double *m2,
		const double *low, size_t n, bool wide)
{
	const double share = count / (into->count + count), cross = into->count * share;

	if (count == 0)
		return;
	if (into->count == 0) {
		begin(into, count, mean, m2, wide ? low : NULL, n);
		return;
	}
	if (wide) {
		add_wide(into, share, cross, mean, m2, low, n);
	} else {
		for (size_t i = 0; i < n; i++) {
			double delta = mean[i] - into->mean[i];

			into->mean[i] += delta * share;
			into->m2[i] += m2[i] + delta * delta * cross;
		}
	}
	into->count += count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The merge of all ranks' moments; two lanes a channel: its mean, its m2. */

/* sbn_moments_merge where `into` holds total samples; what depends on counts alone. */
struct merge_weights {
	double share; /* other->count / count */
	double cross; /* into->count * share */
};

/* 16 numbers from i on, n of them real; n_rows >= 1, and none of the rows is empty. */
SBN_FORCE_INLINE void
merge_at(double *sum, const double *const *rows, const struct merge_weights *weights, size_t n_rows,
	 size_t i, size_t n)
{
	struct w16 into = take_f64(rows[0] + i, n, w16_set1(0));

	for (size_t r = 1; r < n_rows; r++) {
		struct w16 other = take_f64(rows[r] + i, n, w16_set1(0));
		struct w16 delta = w16_sub(other, into);
		struct w16 square = w16_mul(delta, delta);
		struct w16 between = w16_mul(square, w16_set1(weights[r].cross));
		struct w16 mean = w16_mul(delta, w16_set1(weights[r].share));
		struct w16 m2 = w16_add(other, w16_firsts(between));

		into = w16_add(into, w16_woven(mean, m2));
	}
	put_f64(sum + i, n, into);
}

/* Leaves out the ranks without samples; returns how many have some. */
static inline size_t
merge_prepare(const struct sbn_pair *const *row, const double *count, size_t n_rows,
	      const double **rows, struct merge_weights *weights)
{
	double total = 0;
	size_t n = 0;

	for (size_t r = 0; r < n_rows; r++) {
		double share;

		if (count[r] == 0)
			continue;
		share = count[r] / (total + count[r]);
		weights[n] = (struct merge_weights){ share, total * share };
		rows[n++] = &row[r]->a;
		total += count[r];
	}
	return n;
}

static void
merge_moments(struct sbn_pair *sum, const struct sbn_pair *const *row, const double *count,
	      size_t n_rows, size_t n_channels)
{
	const double *rows[n_rows];
	struct merge_weights weights[n_rows];
	size_t n = merge_prepare(row, count, n_rows, rows, weights);
	size_t i = 0;

	if (n == 0)
		memset(sum, 0, n_channels * sizeof(*sum));
	for (; n != 0 && i + SBN_LANES <= 2 * n_channels; i += SBN_LANES)
		merge_at(&sum->a, rows, weights, n, i, SBN_LANES);
	if (n != 0 && i < 2 * n_channels)
		merge_at(&sum->a, rows, weights, n, i, 2 * n_channels - i);
}

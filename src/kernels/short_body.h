/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moments of planes whose rows are short, while strips of others are mapped, if there are any:
 * where none are, w is NULL.
 */

/* The next plane of what moments are made of. */
SBN_FORCE_INLINE void
T(next_plane)(struct sbn_operands *at, size_t spatial)
{
	at->x.data = T(in)(at->x, 0, spatial);
}

/* Some of the strips, after some sums. */
SBN_FORCE_INLINE void
T(strips_if_any)(struct SPREAD *spread, struct STRIPS *w, size_t summed)
{
	if (w != NULL)
		T(strips_beside)(spread, w, summed);
}

/* Adds a row that is longer than a turn of the strips. */
SBN_FORCE_INLINE void
T(powers_in_turns)(const struct ROW *from, size_t spatial, const struct SHIFT *shift,
		   struct w16 *s1, struct w16 *s2, struct SPREAD *spread, struct STRIPS *w)
{
	size_t i = 0;

	for (; i + STRIP_TURN <= spatial; i += STRIP_TURN) {
		T(part_powers)(from, i, STRIP_TURN, 0, shift, s1, s2);
		T(strips_if_any)(spread, w, STRIP_TURN);
	}
	T(part_powers)
	(from, i, (spatial - i) / SBN_LANES * SBN_LANES, spatial % SBN_LANES, shift, s1, s2);
	if (w != NULL)
		w->due += spatial - i;
}

/* sums[0] of n rows from `row` on, their distances from shift, sums[1] of the squares. */
SBN_FORCE_INLINE void
T(short_powers)(const struct sbn_operands *at, size_t row, size_t n, size_t spatial,
		const struct SHIFT *shift, double sums[2], struct SPREAD *spread, struct STRIPS *w)
{
	const size_t whole = spatial / SBN_LANES * SBN_LANES, rest = spatial % SBN_LANES;
	struct w16 s1 = w16_set1(0), s2 = s1;

	for (size_t end = row + n; row < end; row++) {
		const struct ROW from = T(row_at)(at, row, 0, 0);

		if (spatial >= STRIP_TURN) {
			T(powers_in_turns)(&from, spatial, shift, &s1, &s2, spread, w);
			continue;
		}
		T(part_powers)(&from, 0, whole, rest, shift, &s1, &s2);
		T(strips_if_any)(spread, w, spatial);
	}
	sums[0] = T(fold_mixed)(s1);
	sums[1] = T(fold_mixed)(s2);
}

/* Elements that are summed, and as many that are mapped, where a row is less than a step. */
enum { T(tails_turn) = 32 * SBN_LANES };

/* Adds n rows from `row` on. */
SBN_NOT_INLINE static void
T(powers_of_tails)(const struct sbn_operands *at, size_t row, size_t n, size_t spatial,
		   const struct SHIFT *shift, struct w16 sums[2])
{
	struct w16 s1 = sums[0], s2 = sums[1];

	for (size_t end = row + n; row < end; row++) {
		const struct ROW from = T(row_at)(at, row, 0, 0);

		T(part_powers)(&from, 0, 0, spatial, IS_WIDE ? shift : NULL, &s1, &s2);
	}
	sums[0] = s1;
	sums[1] = s2;
}

/* Some rows are summed, and then as much is mapped. */
SBN_FORCE_INLINE void
T(tails_and_strips)(struct SPREAD *spread, struct STRIPS *w, const struct sbn_operands *at,
		    size_t row, size_t n, size_t spatial, const struct SHIFT *shift,
		    struct w16 sums[2])
{
	const size_t most = (size_t)T(tails_turn) / spatial;

	for (size_t i = 0; i < n; i += most) {
		const size_t some = SBN_MIN(n - i, most);

		T(powers_of_tails)(at, row + i, some, spatial, shift, sums);
		w->due += some * spatial;
		T(strips_forward)(spread, w);
	}
}

/* As T(short_powers), in lockstep. */
static void
T(short_powers_in_lockstep)(const struct sbn_operands *at, size_t row, size_t n, size_t spatial,
			    const struct SHIFT *shift, double sums[2], struct SPREAD *spread,
			    struct STRIPS *w)
{
	struct w16 s[2] = { w16_set1(0), w16_set1(0) };

	if (spatial < SBN_LANES)
		T(tails_and_strips)(spread, w, at, row, n, spatial, shift, s);
	else
		T(rows_and_strips)(spread, w, at, row, n, spatial, shift, s);
	sums[0] = T(fold_mixed)(s[0]);
	sums[1] = T(fold_mixed)(s[1]);
}

/* The same choice as in T(block_moments). */
SBN_FORCE_INLINE struct sbn_moments
T(short_moments)(const struct sbn_operands *at, size_t row, size_t n, size_t spatial,
		 struct SPREAD *spread, struct STRIPS *w)
{
	const struct sbn_block block = { row, n, 0, spatial };
	const REAL about = IS_WIDE ? T(block_shift)(at->x, &block) : 0;
	const struct SHIFT shift = T(shift_of)(V(set1)(about));
	double sums[2];

	if (w != NULL && w->abreast == 1 && w->image < w->n) { /* something is left to be mapped */
		T(short_powers_in_lockstep)
		(at, row, n, spatial, IS_WIDE ? &shift : NULL, sums, spread, w);
	} else {
		T(short_powers)
		(at, row, n, spatial, IS_WIDE ? &shift : NULL, sums, spread, w);
	}
	if (IS_WIDE)
		return sbn_moments_of_sums((double)about, sums[0], sums[1], (double)(n * spatial),
					   true);
	return T(moments_of_powers)(at, &block, sums);
}

/* The moments of planes side by side whose rows are not summed by positions. */
SBN_NOT_INLINE static void
T(short_planes)(const struct sbn_beside *beside, size_t n, size_t spatial, struct SPREAD *spread,
		struct STRIPS *w)
{
	const size_t most = sbn_rows_of_block(spatial);
	struct sbn_operands next;

	sbn_set_operands(&next, beside->at);
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum = { 0 };

		for (size_t row = 0; row < n; row += most) {
			struct sbn_moments moments =
				T(short_moments)(&next, row, SBN_MIN(most, n - row), spatial,
						 spread, w);

			sbn_moments_add(&sum, &moments, IS_WIDE);
		}
		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
}

static void
T(moments_and_strips)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		      size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		      int form)
{
	struct SPREAD spread;
	struct STRIPS w;

	T(strips_begin)(&spread, &w, at, n, spatial, k, c, n_channels, form);
	if (IS_HALF)
		T(run_moments)(beside, n, spatial, &spread, &w, NULL);
	else
		T(short_planes)(beside, n, spatial, &spread, &w);
	T(strips_rest)(&spread, &w);
}

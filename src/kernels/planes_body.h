/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes that are summed while others are mapped. The memory then reads and writes all the time;
 * a loop of sums and a loop of maps would have it read, and then write.
 */

/* Whether moments are made of positions' sums. */
SBN_FORCE_INLINE bool
T(by_positions)(size_t spatial)
{
	return IS_HALF && spatial > 0 && spatial < SBN_SHORT_SPATIAL;
}

SBN_FORCE_INLINE void
T(moments_and_map)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		   size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		   int form)
{
	struct sbn_operands next = *beside->at;
	struct WALK w;

	if (T(in_strips)(at, n, spatial, form)) {
		T(moments_and_strips)(beside, at, n, spatial, k, c, n_channels, form);
		return;
	}
	w = T(walk_begin)(at, n, spatial, k, c, n_channels, form);
	if (T(by_positions)(spatial)) {
		T(run_moments)(beside, n, spatial, NULL, NULL, &w, form);
		T(walk_rest)(&w, form);
		return;
	}
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum = T(moments_beside)(&next, n, spatial, &w, form);

		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
	T(walk_rest)(&w, form);
}

static void
T(plane_moments)(const struct sbn_operands *operands, size_t n, size_t spatial,
		 struct sbn_moments *out)
{
	const struct sbn_operands at = *operands;

	if (T(by_positions)(spatial))
		T(positions_of_plane)(&at, n, spatial, out);
	else
		*out = T(moments_beside)(&at, n, spatial, NULL, 0);
}

/* Of planes without elements, which may have no address. */
SBN_RARELY static void
T(no_moments)(const struct sbn_beside *beside)
{
	for (size_t i = 0; i < beside->n_channels; i++)
		T(put_moments)(beside, i, &(struct sbn_moments){ 0 });
}

static void
T(planes_moments)(const struct sbn_beside *beside, size_t n, size_t spatial)
{
	struct sbn_operands next = *beside->at;

	if (n == 0 || spatial == 0) {
		T(no_moments)(beside);
		return;
	}
	if (T(by_positions)(spatial)) {
		T(run_moments)(beside, n, spatial, NULL, NULL, NULL, 0);
		return;
	}
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum;

		T(plane_moments)(&next, n, spatial, &sum);
		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
}

/* Only stores past the caches are worth a loop with sums: others do not wait for memory. */
static void
T(planes_normalize_beside)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
			   size_t spatial, const struct sbn_coefficients *k, size_t c,
			   size_t n_channels)
{
	const int form = T(with_stream)(at, sbn_forward_form(at, k));

	if (n > 0 && spatial > 0 && form & SBN_FORM_STREAM && sbn_form_is_usual(form)) {
		SBN_SWITCH_FORWARD_STREAM(form, T(moments_and_map), beside, at, n, spatial, k, c,
					  n_channels);
		return;
	}
	T(planes_moments)(beside, n, spatial);
	T(planes_normalize)(at, n, spatial, k, c, n_channels);
}

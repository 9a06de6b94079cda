/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes that are summed while others are mapped. The memory then reads and writes all the time;
 * a loop of sums and a loop of maps would have it read, and then write.
 */

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
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum = T(moments_beside)(&next, n, spatial, &w, form);

		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
	T(walk_rest)(&w, form);
}

/* One after the other. */
SBN_RARELY static void
T(moments_alone)(const struct sbn_beside *beside, size_t n, size_t spatial)
{
	struct sbn_operands next = *beside->at;

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

	if (form & SBN_FORM_STREAM && sbn_form_is_usual(form)) {
		SBN_SWITCH_FORWARD_STREAM(form, T(moments_and_map), beside, at, n, spatial, k, c,
					  n_channels);
		return;
	}
	T(moments_alone)(beside, n, spatial);
	T(planes_normalize)(at, n, spatial, k, c, n_channels);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes that are summed while others are mapped. The memory then reads and writes all the time;
 * a loop of sums and a loop of maps would have it read, and then write.
 */

/* Whether moments are made of positions' sums. */
SBN_FORCE_INLINE bool
T(by_positions)(size_t spatial)
{
	return IS_HALF && spatial > 0 && spatial < SBN_ABREAST_SPATIAL;
}

SBN_NOT_INLINE static struct sbn_moments
T(moments_beside)(const struct sbn_operands *at, size_t n, size_t spatial, struct WALK *beside)
{
	struct sbn_block block = sbn_blocks_begin();
	struct sbn_moments sum = { 0 };

	if (T(is_abreast)(spatial))
		return T(plane_moments_abreast)(at, n, spatial, beside);
	while (sbn_blocks_next(&block, n, spatial)) {
		struct sbn_moments moments = T(block_moments)(at, &block, beside);

		sbn_moments_add(&sum, &moments, IS_WIDE);
	}
	return sum;
}

static void
T(moments_and_map)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		   size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		   int form)
{
	struct sbn_operands next;
	struct WALK w;

	if (T(in_strips)(at, n, spatial, form)) {
		T(moments_and_strips)(beside, at, n, spatial, k, c, n_channels, form);
		return;
	}
	T(walk_begin)(&w, at, n, spatial, k, c, n_channels, form);
	if (T(by_positions)(spatial)) {
		T(run_moments)(beside, n, spatial, NULL, NULL, &w);
		T(walk_rest)(&w);
		return;
	}
	sbn_set_operands(&next, beside->at);
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum = T(moments_beside)(&next, n, spatial, &w);

		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
	T(walk_rest)(&w);
}

static void
T(plane_moments)(const struct sbn_operands *operands, size_t n, size_t spatial,
		 struct sbn_moments *out)
{
	struct sbn_operands at;

	sbn_set_operands(&at, operands);
	if (T(by_positions)(spatial))
		T(positions_of_plane)(&at, n, spatial, out);
	else if (at.lockstep && T(is_abreast)(spatial))
		*out = T(plane_moments_in_lockstep)(&at, n, spatial);
	else
		*out = T(moments_beside)(&at, n, spatial, NULL);
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
	struct sbn_operands next;

	if (n == 0 || spatial == 0) {
		T(no_moments)(beside);
		return;
	}
	if (T(by_positions)(spatial)) {
		T(run_moments)(beside, n, spatial, NULL, NULL, NULL);
		return;
	}
	if (spatial < SBN_ABREAST_SPATIAL) {
		T(short_planes)(beside, n, spatial, NULL, NULL);
		return;
	}
	if (beside->at->lockstep && T(is_abreast)(spatial)) {
		T(planes_moments_in_lockstep)(beside, n, spatial, NULL);
		return;
	}
	sbn_set_operands(&next, beside->at);
	for (size_t i = 0; i < beside->n_channels; i++) {
		struct sbn_moments sum;

		T(plane_moments)(&next, n, spatial, &sum);
		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
}

/*
 * Whether a loop maps what others sum meanwhile. Only stores past the caches are worth it: others
 * do not wait for memory. In lockstep it has to be one that keeps the sums in registers.
 */
static bool
T(goes_beside)(const struct sbn_operands *at, size_t n, size_t spatial, int form)
{
	if (n == 0 || spatial == 0 || !(form & SBN_FORM_STREAM) || !sbn_form_is_usual(form))
		return false;
	return !at->lockstep || spatial >= LOCKSTEP_SPATIAL || T(in_strips)(at, n, spatial, form);
}

/*
 * Forward in lockstep, a plane's coefficients in registers. Rows of fewer than SBN_ABREAST_SPATIAL
 * elements are better off in strips, but not those of float64, which load twice as much there.
 */
SBN_FORCE_INLINE bool
T(in_lockstep)(const struct sbn_operands *at, size_t n, size_t spatial, int form)
{
	if (!at->lockstep || spatial < LOCKSTEP_SPATIAL)
		return false;
	return IS_WIDE || spatial >= SBN_ABREAST_SPATIAL || !T(in_strips)(at, n, spatial, form);
}

static void
T(planes_normalize_beside)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
			   size_t spatial, const struct sbn_coefficients *k, size_t c,
			   size_t n_channels)
{
	const int form = T(planes_form)(at, n, spatial, sbn_forward_form(at, k));

	if (!T(goes_beside)(at, n, spatial, form)) {
		/* first: it is in the cache now */
		T(planes_normalize)(at, n, spatial, k, c, n_channels);
		T(planes_moments)(beside, n, spatial);
	} else if (T(in_lockstep)(at, n, spatial, form)) {
		T(moments_in_lockstep)(beside, at, n, spatial, k, c, n_channels, form);
	} else {
		T(moments_and_map)(beside, at, n, spatial, k, c, n_channels, form);
	}
}

/* beside: a walk that goes on meanwhile, if its blocks are summed abreast, or NULL. */
SBN_FORCE_INLINE void
T(plane_sums_as)(const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *k, size_t c, double sums[2], struct WALK *beside,
		 int form)
{
	struct sbn_block block = sbn_blocks_begin();
	struct COEFFICIENTS v = { 0 };

	T(load_sums)(&v, k, c, 0, form);
	if (T(is_abreast)(spatial)) {
		T(plane_sums_abreast)(at, n, spatial, &v, form, sums, beside);
		return;
	}
	while (sbn_blocks_next(&block, n, spatial))
		T(block_sums)(at, &block, &v, form, sums);
}

SBN_NOT_INLINE static void
T(plane_sums_beside)(const struct sbn_operands *at, size_t n, size_t spatial,
		     const struct sbn_coefficients *k, size_t c, double sums[2],
		     struct WALK *beside)
{
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(plane_sums_as), at, n, spatial, k, c, sums, beside);
}

/* Whether backward's sums are made of positions'; of few values dx may be what digits are left. */
SBN_FORCE_INLINE bool
T(sums_by_positions)(size_t spatial, const struct sbn_coefficients *k)
{
	return spatial > 0 && spatial < SBN_SHORT_SPATIAL && !k->few;
}

static void
T(add_run)(const struct sbn_operands *at, size_t n, size_t spatial,
	   const struct sbn_coefficients *k, size_t c, size_t n_channels, struct sbn_pair *sums)
{
	const struct GRADIENT_RUN run = { at, k, n, spatial, c, n_channels, sums };

	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(gradients_of_run), &run);
}

static void
T(plane_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct sbn_coefficients *k, size_t c, double sums[2])
{
	if (T(sums_by_positions)(spatial, k)) {
		struct sbn_pair pair = { sums[0], sums[1] };

		T(add_run)(at, n, spatial, k, c, 1, &pair);
		sums[0] = pair.a;
		sums[1] = pair.b;
	} else if (!IS_HALF && at->lockstep && T(is_abreast)(spatial)) {
		T(plane_sums_in_lockstep)(at, n, spatial, k, c, sums);
	} else {
		T(plane_sums_beside)(at, n, spatial, k, c, sums, NULL);
	}
}

static void
T(sums_and_map)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		int form)
{
	struct sbn_operands next;
	struct WALK w;

	sbn_set_operands(&next, beside->at);
	T(walk_begin)(&w, at, n, spatial, k, c, n_channels, form);
	for (size_t i = 0; i < beside->n_channels; i++) {
		double sums[2] = { 0, 0 };

		T(plane_sums_beside)(&next, n, spatial, k, beside->c + i, sums, &w);
		beside->sums[i] = (struct sbn_pair){ sums[0], sums[1] };
		T(next_inputs)(&next, spatial);
	}
	T(walk_rest)(&w);
}

static void
T(planes_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
	       const struct sbn_coefficients *k, size_t c, size_t n_channels, struct sbn_pair *sums)
{
	struct sbn_operands next;

	if (n == 0 || spatial == 0) /* there may be no address */
		return;
	if (T(sums_by_positions)(spatial, k)) {
		T(add_run)(at, n, spatial, k, c, n_channels, sums);
		return;
	}
	sbn_set_operands(&next, at);
	for (size_t i = 0; i < n_channels; i++) {
		double of_plane[2] = { sums[i].a, sums[i].b };

		T(plane_sums)(&next, n, spatial, k, c + i, of_plane);
		sums[i] = (struct sbn_pair){ of_plane[0], of_plane[1] };
		T(next_inputs)(&next, spatial);
	}
}

static void
T(planes_dx_beside)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		    size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	const int form = T(planes_form)(at, n, spatial, sbn_dx_form(at, k));

	if (!IS_HALF && n > 0 && at->lockstep && spatial >= LOCKSTEP_SPATIAL &&
	    form & SBN_FORM_STREAM && sbn_form_is_usual(form)) {
		T(sums_in_lockstep)(beside, at, n, spatial, k, c, n_channels, form);
		return;
	}
	if (n > 0 && T(is_abreast)(spatial) && form & SBN_FORM_STREAM && sbn_form_is_usual(form)) {
		T(sums_and_map)(beside, at, n, spatial, k, c, n_channels, form);
		return;
	}
	T(planes_dx)(at, n, spatial, k, c, n_channels); /* first: it is in the cache now */
	memset(beside->sums, 0, beside->n_channels * sizeof(*beside->sums));
	T(planes_sums)(beside->at, n, spatial, k, beside->c, beside->n_channels, beside->sums);
}

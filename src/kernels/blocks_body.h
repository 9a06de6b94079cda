/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of each block of a plane, for threads that share it. */

SBN_FORCE_INLINE struct sbn_moments
T(moments_of_block)(const struct sbn_operands *plane, const struct sbn_block *block)
{
	struct sbn_moments moments;
	struct sbn_operands at;

	if (!T(by_positions)(block->spatial))
		return T(block_moments)(plane, block, NULL);
	sbn_set_operands(&at, plane);
	at.x.data = T(in)(at.x, block->row, 0);
	T(positions_of_plane)(&at, block->n, block->spatial, &moments);
	return moments;
}

static void
T(blocks_moments)(const struct sbn_operands *at, size_t n, size_t spatial, struct sbn_moments *out)
{
	struct sbn_block block = sbn_blocks_begin();

	if (T(is_abreast)(spatial)) {
		T(blocks_moments_abreast)(at, n, spatial, out);
		return;
	}
	while (sbn_blocks_next(&block, n, spatial))
		*out++ = T(moments_of_block)(at, &block);
}

SBN_FORCE_INLINE void
T(blocks_sums_as)(const struct sbn_operands *at, size_t n, size_t spatial,
		  const struct sbn_coefficients *k, size_t c, struct sbn_pair *out, int form)
{
	struct sbn_block block = sbn_blocks_begin();
	struct COEFFICIENTS v = { 0 };

	T(load_sums)(&v, k, c, 0, form);
	if (T(is_abreast)(spatial)) {
		T(blocks_sums_abreast)(at, n, spatial, &v, form, out);
		return;
	}
	while (sbn_blocks_next(&block, n, spatial)) {
		double sums[2] = { 0, 0 };

		if (spatial < SBN_SHORT_SPATIAL)
			T(short_block_sums)(at, block.row, block.n, spatial, &v, form, sums);
		else
			T(block_sums)(at, &block, &v, form, sums);
		*out++ = (struct sbn_pair){ sums[0], sums[1] };
	}
}

static void
T(blocks_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
	       const struct sbn_coefficients *k, size_t c, struct sbn_pair *out)
{
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(blocks_sums_as), at, n, spatial, k, c, out);
}

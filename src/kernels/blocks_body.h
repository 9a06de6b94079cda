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

		T(block_sums)(at, &block, &v, form, sums);
		*out++ = (struct sbn_pair){ sums[0], sums[1] };
	}
}

/* Of short rows, of which a block is some whole ones. */
SBN_FORCE_INLINE void
T(blocks_sums_of_short)(const struct sbn_operands *operands, size_t n, size_t spatial,
			const struct sbn_coefficients *k, size_t c, struct sbn_pair *out)
{
	struct sbn_block block = sbn_blocks_begin();

	while (sbn_blocks_next(&block, n, spatial)) {
		struct sbn_operands at;

		sbn_set_operands(&at, operands);
		at.x.data = T(in)(at.x, block.row, 0);
		at.dy.data = T(in)(at.dy, block.row, 0);
		if (at.z.data != NULL)
			at.z.data = T(in)(at.z, block.row, 0);
		*out = (struct sbn_pair){ 0, 0 };
		T(add_run)(&at, block.n, spatial, k, c, 1, out++);
	}
}

static void
T(blocks_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
	       const struct sbn_coefficients *k, size_t c, struct sbn_pair *out)
{
	if (T(sums_by_positions)(spatial, k)) {
		T(blocks_sums_of_short)(at, n, spatial, k, c, out);
		return;
	}
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(blocks_sums_as), at, n, spatial, k, c, out);
}

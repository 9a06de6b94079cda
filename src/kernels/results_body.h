/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a form for 16 elements, or for 32, and where they go. */

SBN_FORCE_INLINE struct RESULTS
T(map_of)(const struct INPUTS *in, const struct COEFFICIENTS *k, int form)
{
	return form & SBN_FORM_DY ? T(backward_map)(in, k, form) : T(forward_map)(in, k, form);
}

/* All is loaded before anything is stored, for an output may be an input. */
SBN_FORCE_INLINE struct RESULTS
T(map)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form)
{
	const struct INPUTS in = T(inputs_at)(row, i, n, k, form);

	return T(map_of)(&in, k, form);
}

/* What T(map) of that form needs. */
SBN_FORCE_INLINE void
T(load_map)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n, int form)
{
	if (form & SBN_FORM_DY)
		T(load_backward)(v, k, c, n, form);
	else
		T(load_affine)(v, k, c, n);
}

SBN_FORCE_INLINE void
T(give)(const struct ROW *row, size_t i, size_t n, const struct RESULTS *r, int form)
{
	if (form & SBN_FORM_DZ)
		T(put)(row->dz + i, n, r->dz);
	if (form & SBN_FORM_OUT)
		T(put)(row->out + i, n, r->out);
}

/* 16 of them, whose lines may be written past the caches where the form says so. */
SBN_FORCE_INLINE void
T(give_whole)(const struct ROW *row, size_t i, const struct RESULTS *r, int form)
{
	if (!(form & SBN_FORM_STREAM)) {
		T(give)(row, i, SBN_LANES, r, form);
		return;
	}
	if (form & SBN_FORM_DZ)
		T(stream)(row->dz + i, r->dz);
	if (form & SBN_FORM_OUT)
		T(stream)(row->out + i, r->out);
}

/* Of 32 elements in the order of T(load_two). */
struct RESULTS_OF_TWO {
	struct RESULTS a, b;
};

/* k, l: the coefficients of their halves. */
SBN_FORCE_INLINE struct RESULTS_OF_TWO
T(map_two)(const struct ROW *row, size_t i, const struct COEFFICIENTS *k,
	   const struct COEFFICIENTS *l, int form)
{
	struct TWO x = { k->mean_hi, l->mean_hi }, z = { V(set1)(0), V(set1)(0) }, dy = z;

	if (T(needs_x)(form))
		x = T(load_two)(row->x + i);
	if (form & SBN_FORM_Z)
		z = T(load_two)(row->z + i);
	if (form & SBN_FORM_DY)
		dy = T(load_two)(row->dy + i);
	return (struct RESULTS_OF_TWO){
		T(map_of)(&(struct INPUTS){ x.a, z.a, dy.a }, k, form),
		T(map_of)(&(struct INPUTS){ x.b, z.b, dy.b }, l, form),
	};
}

SBN_FORCE_INLINE void
T(give_two)(const struct ROW *row, size_t i, const struct RESULTS_OF_TWO *r, int form)
{
	if (form & SBN_FORM_DZ)
		T(put_two)(row->dz + i, (struct TWO){ r->a.dz, r->b.dz }, form);
	if (form & SBN_FORM_OUT)
		T(put_two)(row->out + i, (struct TWO){ r->a.out, r->b.out }, form);
}

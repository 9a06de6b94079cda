/* SPDX-License-Identifier: Apache-2.0 */
/* What is mapped in lockstep (lockstep_body.h): a walk along planes, some of an image at a time. */

struct MAPPING {
	struct WALK walk;
	struct MAPPED piece;
};

/* An image, or two, as far as they are whole steps. */
SBN_FORCE_INLINE void
T(mapping_image)(struct MAPPING *to)
{
	const struct WALK *w = &to->walk;

	T(set_row)(&to->piece.row, w->row);
	if (w->abreast == 2 && w->image < w->n)
		T(set_row)(&to->piece.second, T(walk_row)(w, 1, w->form));
	to->piece.images = w->abreast;
	to->piece.i = w->i;
	to->piece.n = w->image < w->n ? SBN_MAX(w->whole, w->i) : w->i;
	to->piece.c = w->c + w->plane;
	to->piece.end = w->end;
}

/* From an image's last step on, to the next image's first one. */
SBN_RARELY static void
T(mapping_rarely)(struct WALK *w)
{
	w->due = T(lockstep_step) * w->abreast;
	T(walk_some)(w);
	w->due = 0;
}

/* From an image's end to the next image's first step. */
SBN_RARELY static void
T(mapping_leave_image)(struct WALK *w)
{
	const size_t head = T(walk_leave_image)(w, w->form);

	if (head != 0)
		T(walk_rarely)(w, head, w->form);
}

/* The next piece; false: all has been mapped. */
SBN_RARELY static bool
T(mapping_next)(struct MAPPING *to)
{
	struct WALK *w = &to->walk;

	if (to->piece.i < to->piece.n)
		return true;
	if (w->image >= w->n)
		return false;
	w->i = to->piece.i;
	T(walk_enter_plane)(w, to->piece.c - w->c);
	if (w->i == w->spatial * w->n_channels) {
		T(mapping_leave_image)(w);
		T(mapping_image)(to);
	}
	while (to->piece.i == to->piece.n && w->image < w->n) {
		T(mapping_rarely)(w);
		T(mapping_image)(to);
	}
	return w->image < w->n;
}

static void
T(mapping_begin)(struct MAPPING *to, const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *k, size_t c, size_t n_channels, int form)
{
	to->piece = (struct MAPPED){ .c = c, .spatial = spatial };
	T(walk_begin)(&to->walk, at, n, spatial, k, c, n_channels, form);
	if (to->walk.n != 0)
		T(mapping_image)(to);
}

/* What has not been mapped. */
static void
T(mapping_end)(struct MAPPING *to)
{
	struct WALK *w = &to->walk;

	if (!T(mapping_next)(to))
		return;
	w->i = to->piece.i;
	T(walk_enter_plane)(w, to->piece.c - w->c);
	T(walk_rest)(w);
}

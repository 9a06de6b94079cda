/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sums in lockstep ask for while they go through a row. Of rows that are not too long, a
 * fourth of each of the four rows behind these four, of longer ones the four quarters of the next
 * row, a line of each in turn: a CPU's own prefetcher then runs ahead in four pages, and memory
 * answers sooner than where one follows the other. The sums are better off with one row at a time.
 * Where pairs of images are written, two rows, or halves, in turn; the last one of an odd number
 * goes with the next plane's first. Planes that go together (lockstep_planes_body.h) ask for the
 * same row of a later plane.
 */
#ifndef SBN_KERNELS_ASKED_BODY_H
#define SBN_KERNELS_ASKED_BODY_H

#include "kernels/block.h"

enum {
	ASKED_ROWS = 4,
	ASKED_OF_PAIRS = 2,
	ASKED_LONG_ROW = 16 * 1024 /* bytes, of all inputs; more leave little of a cache */
};

#endif

#define STEP T(lockstep_step)
#define UNIT T(asked_unit)

/* At least a line, and elements of either in turn. */
enum { STEP = (IS_HALF ? 2 : 1) * SBN_LANES, T(lockstep_turn) = 2 * STEP };

/* Bytes that are asked for in one place. */
enum { UNIT = STEP * sizeof(ELEMENT) };

/*
 * In each turn two places are asked for, `apart` apart; then comes what is `next` farther, and
 * behind that again what is `both - next` farther.
 */
struct ASKED {
	const char *x, *z, *dy;
	size_t apart, next, both; /* modulo 2^64, as the rows may be gone through backward */
};

/* How a row asks: places of equal distance, from some byte of a plane on, or straight on. */
struct PLACES {
	size_t from, apart;
	size_t row; /* the row whose end is asked for at this one's */
	bool straight;
};

/* Of as many rows behind those that the row is of, maybe those of the next plane. */
SBN_FORCE_INLINE struct PLACES
T(places_in_rows)(const struct GROUPS *g, size_t row, size_t rows, size_t stride, size_t bytes,
		  bool turns)
{
	const size_t number = g->last_first ? g->n - 1 - row : row;
	const size_t group = (number / rows + 1) * rows;
	const bool is_next = group == g->n, back = g->last_first != (is_next && turns);
	const size_t first = is_next ? 0 : group;
	const size_t from = (back ? g->n - 1 - first : first) * stride + (is_next ? bytes : 0);
	const size_t apart = back ? -stride : stride;

	return (struct PLACES){
		.from = from + number % rows * (bytes / rows / UNIT * UNIT),
		.apart = apart,
		.row = from + number % rows * apart,
	};
}

/* Where row number k begins, in the order of the sums; from n on they are the next plane's. */
SBN_FORCE_INLINE size_t
T(begin_of_row)(const struct GROUPS *g, size_t k, size_t stride, size_t bytes, bool turns)
{
	const bool is_next = k >= g->n, back = g->last_first != (is_next && turns);
	const size_t number = is_next ? k - g->n : k;

	return (back ? g->n - 1 - number : number) * stride + (is_next ? bytes : 0);
}

/* Of the two rows behind these two; the last one asks for the next plane's second, by halves. */
SBN_RARELY static struct PLACES
T(places_in_odd_rows)(const struct GROUPS *g, size_t row, size_t stride, size_t bytes, bool turns)
{
	const size_t number = g->last_first ? g->n - 1 - row : row, first = (number / 2 + 1) * 2;
	const size_t half = bytes / 2 / UNIT * UNIT;
	size_t at[2];

	if (number == g->n - 1) {
		at[0] = T(begin_of_row)(g, g->n + 1, stride, bytes, turns);
		return (struct PLACES){ .from = at[0],
					.apart = sbn_align_up(bytes / 2, (size_t)UNIT),
					.row = at[0] };
	}
	at[0] = T(begin_of_row)(g, first, stride, bytes, turns);
	at[1] = T(begin_of_row)(g, first + 1, stride, bytes, turns);
	return (struct PLACES){
		.from = at[0] + number % 2 * half,
		.apart = at[1] - at[0],
		.row = at[number % 2],
	};
}

/* Of so many parts of the row behind this one, maybe the next plane's. */
SBN_FORCE_INLINE struct PLACES
T(places_in_row)(const struct GROUPS *g, size_t row, size_t parts, size_t stride, size_t bytes,
		 bool turns)
{
	const size_t number = (g->last_first ? g->n - 1 - row : row) + 1;
	const bool is_next = number == g->n, back = g->last_first != (is_next && turns);
	const size_t next = is_next ? 0 : number;
	const size_t from = (back ? g->n - 1 - next : next) * stride + (is_next ? bytes : 0);

	return (struct PLACES){
		.from = from,
		.apart = sbn_align_up(bytes / parts, (size_t)UNIT),
		.row = from,
	};
}

/*
 * Of the row of a plane that comes later: behind the last plane of those that go together that is
 * the first one's next block, behind all blocks the next planes' first one.
 */
SBN_FORCE_INLINE struct PLACES
T(places_in_planes)(const struct GROUPS *g, size_t row, size_t stride, size_t bytes, bool turns)
{
	const size_t far = SBN_MIN(g->far, g->planes);
	const bool is_over = g->plane + far >= g->planes;
	const bool has_next = g->last_first ? row >= g->rows : row + g->rows < g->n;
	const size_t planes = far - (is_over && has_next ? g->planes : 0);
	size_t later = row, from;

	if (is_over && has_next)
		later = g->last_first ? row - g->rows : row + g->rows;
	else if (is_over && !turns)
		later = row % g->rows;
	from = later * stride + planes * bytes;
	return (struct PLACES){ .from = from, .row = from, .straight = true };
}

SBN_FORCE_INLINE struct PLACES
T(places_behind)(size_t row, size_t stride, size_t ahead)
{
	const size_t from = row * stride + ahead;

	return (struct PLACES){ .from = from, .row = from, .straight = true };
}

SBN_FORCE_INLINE size_t
T(inputs_of_form)(int form)
{
	return 1 + (form & SBN_FORM_Z ? 1 : 0) + (form & SBN_FORM_DY ? 1 : 0);
}

/*
 * Planes that go together ask for a later one's row; others straight on where rows are not one
 * distance apart, or operands differ in it.
 */
SBN_FORCE_INLINE struct PLACES
T(places_of)(const struct sbn_operands *at, const struct GROUPS *g, size_t row, int form)
{
	const size_t bytes = g->spatial * sizeof(ELEMENT), stride = at->x.stride * sizeof(ELEMENT);
	const size_t rows = at->pairs ? ASKED_OF_PAIRS : ASKED_ROWS;
	const bool alike = (!(form & SBN_FORM_Z) || at->z.stride == at->x.stride) &&
			   (!(form & SBN_FORM_DY) || at->dy.stride == at->x.stride);

	if (at->ahead == 0 || !alike)
		return T(places_behind)(row, stride, at->ahead);
	if (g->planes > 1)
		return T(places_in_planes)(g, row, stride, bytes, at->turns);
	if (g->spatial < SBN_ABREAST_SPATIAL || (g->last_first && g->rows > 1))
		return T(places_behind)(row, stride, at->ahead);
	if (bytes * T(inputs_of_form)(form) > ASKED_LONG_ROW)
		return T(places_in_row)(g, row, rows, stride, bytes, at->turns);
	if (g->n % rows == 0)
		return T(places_in_rows)(g, row, rows, stride, bytes, at->turns);
	if (rows == ASKED_OF_PAIRS && g->n > ASKED_OF_PAIRS)
		return T(places_in_odd_rows)(g, row, stride, bytes, at->turns);
	return T(places_behind)(row, stride, at->ahead);
}

/* From element i of a row's part of a block on, which begins at a column. */
SBN_FORCE_INLINE void
T(asked_beside)(struct ASKED *asked, const struct sbn_operands *at, const struct GROUPS *g,
		size_t row, size_t column, size_t i, int form)
{
	const struct PLACES places = T(places_of)(at, g, row, form);
	size_t from;

	if (places.straight) {
		asked->apart = UNIT;
		asked->next = 2 * UNIT;
		asked->both = 4 * UNIT;
		from = places.from + (column + i) * sizeof(ELEMENT);
	} else {
		const size_t turn = (column + i) / T(lockstep_turn);

		asked->apart = places.apart;
		if (at->pairs) {
			asked->next = UNIT;
			asked->both = 2 * UNIT;
			from = places.from + turn * UNIT;
		} else {
			asked->both = UNIT;
			asked->next = turn % 2 == 0 ? 2 * places.apart : UNIT - 2 * places.apart;
			from = places.from + turn / 2 * UNIT + turn % 2 * 2 * places.apart;
		}
	}
	asked->x = (const char *)((uintptr_t)at->x.data + from);
	if (form & SBN_FORM_Z)
		asked->z = (const char *)((uintptr_t)at->z.data + from);
	if (form & SBN_FORM_DY)
		asked->dy = (const char *)((uintptr_t)at->dy.data + from);
}

SBN_FORCE_INLINE void
T(ask_at)(const char *p, bool near)
{
	for (size_t i = 0; i < UNIT; i += SBN_STORE_LINE)
		if (near)
			__builtin_prefetch(p + i, 0, 3);
		else
			__builtin_prefetch(p + i, 0, 2);
}

/* In both places, or in the first one; straight on that is the next time behind it. */
SBN_FORCE_INLINE void
T(ask_for)(const char **p, const struct ASKED *asked, size_t places, bool near)
{
	T(ask_at)(*p, near);
	if (places == 2) {
		T(ask_at)((const char *)((uintptr_t)*p + asked->apart), near);
		*p = (const char *)((uintptr_t)*p + asked->next);
	} else if (asked->apart == UNIT) {
		*p = (const char *)((uintptr_t)*p + UNIT);
	}
}

/* Beside a turn, or a step; near: into the first-level cache. */
SBN_FORCE_INLINE void
T(ask)(struct ASKED *asked, size_t n, bool near, int form)
{
	const size_t places = n / STEP;

	T(ask_for)(&asked->x, asked, places, near);
	if (form & SBN_FORM_Z)
		T(ask_for)(&asked->z, asked, places, near);
	if (form & SBN_FORM_DY)
		T(ask_for)(&asked->dy, asked, places, near);
	if (places == 2)
		asked->next = asked->both - asked->next;
}

/* Beside the end of a row's part, less than a step from element `column` on: a later row's end. */
SBN_FORCE_INLINE void
T(ask_for_end)(const struct sbn_operands *at, const struct GROUPS *g, size_t row, size_t column,
	       int form)
{
	const size_t end = T(places_of)(at, g, row, form).row + column * sizeof(ELEMENT);

	T(ask_at)((const char *)((uintptr_t)at->x.data + end), at->near);
	if (form & SBN_FORM_Z)
		T(ask_at)((const char *)((uintptr_t)at->z.data + end), at->near);
	if (form & SBN_FORM_DY)
		T(ask_at)((const char *)((uintptr_t)at->dy.data + end), at->near);
}

#undef STEP
#undef UNIT

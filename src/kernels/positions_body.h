/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments of short rows of 16-bit elements about 0, by positions: the planes of an image lie side
 * by side, a run of elements, which is read a line at a time, the same line of each image, whatever
 * planes meet in it. So lines are read once, and whole where all images begin alike, and all that
 * is done for a plane is done for its positions' sums, when the rows have been summed.
 */
#ifndef SBN_KERNELS_POSITIONS_BODY_H
#define SBN_KERNELS_POSITIONS_BODY_H

#include "kernels/block.h"

enum {
	POSITION_ROWS = 2 * FLOAT_STEPS, /* of a block go together */
	PIECE_CHANNELS = 32,             /* at most */
	PIECE_ELEMENTS = 1024            /* of positions' sums; they stay in the innermost cache */
};

#endif

#define STEP T(position_step)
#define STEPS T(position_steps)

#define PAIR T(position_pair)

/* A line, and two of them if the registers hold so many sums; or half a line. */
enum {
	STEPS = HAS_FLOAT_SUMS || W16_COLUMNS >= 4 ? 2 : 1,
	STEP = STEPS * SBN_LANES,
	PAIR = W16_COLUMNS >= 4
};

#if HAS_FLOAT_SUMS
#include "kernels/float_positions_body.h"
#else
#include "kernels/wide_positions_body.h"
#endif

/* Some planes of a run. */
struct PIECE {
	_Alignas(SBN_STORE_LINE) POSITION s1[PIECE_ELEMENTS], s2[PIECE_ELEMENTS]; /* of positions */
	struct w16 lanes1[PIECE_CHANNELS], lanes2[PIECE_CHANNELS];                /* of planes */
	size_t channel, n_channels;                                               /* the run's */
	size_t begin, end; /* elements; from the line on in which its first one stands */
	size_t skipped;    /* of begin, which are another plane's */
};

/* What is summed, and what is mapped meanwhile, in strips or in a walk, if they are not NULL. */
struct RUN {
	const struct sbn_operands *at;
	size_t n, spatial, n_channels;
	struct SPREAD *spread;
	struct STRIPS *strips;
	struct WALK *walk;
};

/* The moments of plane i. */
SBN_FORCE_INLINE void
T(put_moments)(const struct sbn_beside *beside, size_t i, const struct sbn_moments *sum)
{
	beside->sums[i] = (struct sbn_pair){ sum->mean, sum->m2 };
	if (IS_WIDE)
		beside->low[i] = sum->low;
}

SBN_FORCE_INLINE void
T(map_beside)(const struct RUN *run, size_t summed)
{
	if (run->strips != NULL)
		T(strips_beside)(run->spread, run->strips, summed);
	if (run->walk != NULL)
		T(walk_beside)(run->walk, summed);
}

/* Elements from a line's edge to element i of the first row. */
SBN_FORCE_INLINE size_t
T(into_line)(const struct RUN *run, size_t i)
{
	return (uintptr_t)T(in)(run->at->x, 0, i) % SBN_STORE_LINE / sizeof(ELEMENT);
}

/* From a channel on. */
SBN_FORCE_INLINE void
T(enter_piece)(struct PIECE *piece, const struct RUN *run, size_t channel)
{
	const size_t most =
		SBN_MIN((PIECE_ELEMENTS - 4 * SBN_LANES) / run->spatial, (size_t)PIECE_CHANNELS);

	piece->channel = channel;
	piece->n_channels = SBN_MIN(most, run->n_channels - channel);
	piece->skipped = SBN_MIN(T(into_line)(run, channel * run->spatial), channel * run->spatial);
	piece->begin = channel * run->spatial - piece->skipped;
	piece->end = (channel + piece->n_channels) * run->spatial;
}

/* Adds n elements from i on of rows row..end-1: up to a step to f, or two to f and g. */
SBN_FORCE_INLINE void
T(add_rows)(const struct sbn_operands *at, size_t row, size_t end, size_t i, size_t n, bool near,
	    struct POSITIONS *f, struct POSITIONS *g)
{
	const size_t stride = at->x.stride, ahead = at->ahead;
	const ELEMENT *p = T(in)(at->x, row, i);

	for (; row < end; row++, p += stride) {
		T(fetch_as)(p, ahead, near);
		T(add_positions)(f, p, SBN_MIN(n, (size_t)STEP));
		if (!PAIR || n != 2 * STEP)
			continue;
		T(fetch_as)(p + STEP, ahead, near);
		T(add_positions)(g, p + STEP, STEP);
	}
}

/* n elements from i on of up to 16 rows, row..end-1; then the map has its turn. */
SBN_FORCE_INLINE void
T(sum_step)(struct PIECE *piece, const struct RUN *run, size_t row, size_t end, size_t i, size_t n,
	    bool near)
{
	const size_t to = i - piece->begin, middle = SBN_MIN(row + POSITION_ROWS / 2, end);
	struct POSITIONS f, g;

	T(clear_positions)(&f);
	T(clear_positions)(&g);
	T(add_rows)(run->at, row, middle, i, n, near, &f, &g);
	T(middle_positions)(&f);
	T(middle_positions)(&g);
	T(add_rows)(run->at, middle, end, i, n, near, &f, &g);
	T(put_positions)(piece->s1 + to, piece->s2 + to, &f);
	if (PAIR && n == 2 * STEP)
		T(put_positions)(piece->s1 + to + STEP, piece->s2 + to + STEP, &g);
	T(map_beside)(run, (end - row) * n);
}

/*
 * The piece's positions, of rows row..end-1, a step or two at a time. What is behind its end is
 * another plane's, but nothing is read behind the run.
 */
SBN_FORCE_INLINE void
T(sum_positions_as)(struct PIECE *piece, const struct RUN *run, size_t row, size_t end, bool near)
{
	const size_t total = run->n_channels * run->spatial;
	size_t i = piece->begin, n = STEP - T(into_line)(run, i) % STEP;

	while (i < piece->end) {
		if (PAIR && n == 2 * STEP && i + n <= total) {
			T(sum_step)(piece, run, row, end, i, 2 * STEP, near);
		} else if (n >= STEP && i + STEP <= total) {
			n = STEP;
			T(sum_step)(piece, run, row, end, i, STEP, near);
		} else {
			n = SBN_MIN(n, total - i);
			T(sum_step)(piece, run, row, end, i, n, near);
		}
		i += n;
		n = PAIR && i + STEP < piece->end ? 2 * STEP : STEP;
	}
}

/* Very short rows leave the first-level cache before they are read. */
SBN_FORCE_INLINE void
T(sum_positions)(struct PIECE *piece, const struct RUN *run, size_t row, size_t end)
{
	if (run->at->near && run->spatial >= SBN_SHORT_SPATIAL)
		T(sum_positions_as)(piece, run, row, end, true);
	else
		T(sum_positions_as)(piece, run, row, end, false);
}

/* Adds a plane's positions to its lanes, or to zeros. */
SBN_FORCE_INLINE void
T(lanes_of_positions)(const struct PIECE *piece, size_t i, size_t spatial, bool is_first,
		      struct w16 *s1, struct w16 *s2)
{
	const POSITION *p1 = piece->s1 + piece->skipped + i * spatial;
	const POSITION *p2 = piece->s2 + piece->skipped + i * spatial;
	size_t j = 0;

	*s1 = is_first ? w16_set1(0) : piece->lanes1[i];
	*s2 = is_first ? w16_set1(0) : piece->lanes2[i];
	for (; j + SBN_LANES <= spatial; j += SBN_LANES) {
		*s1 = w16_add(*s1, T(take_positions)(p1 + j, SBN_LANES));
		*s2 = w16_add(*s2, T(take_positions)(p2 + j, SBN_LANES));
	}
	if (j < spatial) {
		*s1 = w16_add(*s1, T(take_positions)(p1 + j, spatial - j));
		*s2 = w16_add(*s2, T(take_positions)(p2 + j, spatial - j));
	}
}

SBN_FORCE_INLINE void
T(put_lanes)(struct PIECE *piece, size_t spatial, bool is_first)
{
	for (size_t i = 0; i < piece->n_channels; i++)
		T(lanes_of_positions)
	(piece, i, spatial, is_first, &piece->lanes1[i], &piece->lanes2[i]);
}

/* Of a plane's block whose sums will not do. */
SBN_RARELY static struct sbn_moments
T(positions_again)(const struct sbn_operands *of_first, size_t channel,
		   const struct sbn_block *block, double squares)
{
	struct sbn_operands at;

	sbn_set_operands(&at, of_first);
	at.x.data = T(in)(at.x, 0, channel * block->spatial);
	return HAS_FLOAT_SUMS ? T(float_moments_again)(&at, block, squares) :
				T(block_moments_again)(&at, block);
}

/* Adds the moments of the piece's planes in a block; is_first: all of its positions are there. */
SBN_FORCE_INLINE void
T(end_positions)(const struct PIECE *piece, const struct RUN *run, const struct sbn_block *block,
		 bool is_first, struct sbn_moments *sum)
{
	const double count = (double)(block->n * block->spatial);

	for (size_t i = 0; i < piece->n_channels; i++) {
		struct sbn_moments moments;
		struct w16 s1, s2;
		double sums[2];

		T(lanes_of_positions)(piece, i, block->spatial, is_first, &s1, &s2);
		T(fold_two)(s1, s2, sums);
		moments = sbn_moments_of_sums(0, sums[0], sums[1], count, false);
		if (sbn_moments_cancel(moments.m2, sums[1]) ||
		    (HAS_FLOAT_SUMS && !sbn_squares_fit(sums[1])))
			moments = T(positions_again)(run->at, piece->channel + i, block, sums[1]);
		sbn_moments_add(&sum[i], &moments, false);
	}
}

/* Of up to PIECE_CHANNELS planes from `channel` on; returns of how many. */
SBN_NOT_INLINE static size_t
T(piece_moments)(struct PIECE *piece, const struct RUN *run, size_t channel,
		 struct sbn_moments *sum)
{
	const size_t most = sbn_rows_of_block(run->spatial), rows = POSITION_ROWS;

	T(enter_piece)(piece, run, channel);
	memset(sum, 0, piece->n_channels * sizeof(*sum));
	for (size_t first = 0; first < run->n; first += most) {
		const struct sbn_block block = { first, SBN_MIN(most, run->n - first), 0,
						 run->spatial };
		size_t row = first, end;

		for (;; row += rows) {
			end = SBN_MIN(row + rows, first + block.n);
			T(sum_positions)(piece, run, row, end);
			if (end == first + block.n)
				break;
			T(put_lanes)(piece, run->spatial, row == first);
		}
		T(end_positions)(piece, run, &block, row == first, sum);
	}
	return piece->n_channels;
}

/*
 * The moments of planes side by side. spread and strips, or walk, or neither: what is mapped
 * meanwhile.
 */
static void
T(run_moments)(const struct sbn_beside *beside, size_t n, size_t spatial, struct SPREAD *spread,
	       struct STRIPS *strips, struct WALK *walk)
{
	const struct RUN run = { beside->at, n, spatial, beside->n_channels, spread, strips, walk };
	struct sbn_moments sum[PIECE_CHANNELS];
	struct PIECE piece;
	size_t channel = 0;

	while (channel < run.n_channels) {
		const size_t done = T(piece_moments)(&piece, &run, channel, sum);

		for (size_t i = 0; i < done; i++)
			T(put_moments)(beside, channel + i, &sum[i]);
		channel += done;
	}
}

/* Of one plane. */
SBN_FORCE_INLINE void
T(positions_of_plane)(const struct sbn_operands *at, size_t n, size_t spatial,
		      struct sbn_moments *out)
{
	const struct RUN run = { .at = at, .n = n, .spatial = spatial, .n_channels = 1 };
	struct PIECE piece;

	T(piece_moments)(&piece, &run, 0, out);
}

#undef STEP
#undef STEPS
#undef PAIR

/* SPDX-License-Identifier: Apache-2.0 */
/* Which ways a pass may go, and which of them are tried out. */
#include "nn/pass.h"
#include "nn/rows.h"
#include "nn/share.h"

/*
 * Tiles; planes that may be summed behind others of which dx is written, not beside them, and short
 * ones forward; rows that may be asked for far ahead.
 */
static bool
can_fetch_chunks(const struct sbn_pass *pass)
{
	const size_t spatial = pass->geometry.spatial;

	switch (sbn_pass_order(pass)) {
	case SBN_PLANES:
		return pass->apply != NULL &&
		       (pass->op == SBN_OP_BACKWARD ? spatial >= SBN_SHORT_SPATIAL :
						      spatial < SBN_ABREAST_SPATIAL);
	case SBN_ROWS:
		return pass->before != NULL && pass->after != NULL && sbn_rows_may_ask_far(pass);
	default:
		return pass->apply != NULL;
	}
}

/* The way of those that do not try both, and of the others while another choice is open. */
static bool
fetches_lines(const struct sbn_pass *pass)
{
	switch (sbn_pass_order(pass)) {
	case SBN_PLANES:
		return pass->op != SBN_OP_BACKWARD || pass->geometry.spatial >= SBN_ABREAST_SPATIAL;
	case SBN_ROWS:
		return true;
	default:
		return false;
	}
}

static void
try_out(struct sbn_pass *pass, struct sbn_trial *trial, unsigned ways, unsigned *way)
{
	pass->choice[pass->n_choices++] =
		(struct sbn_choice){ .trial = trial, .ways = ways, .way = way };
}

/* Where chunks are written past the caches, and others are summed. */
static bool
tries_fetching(const struct sbn_pass *pass)
{
	return pass->bn->group->process->fetch == SBN_FETCH_AUTO && pass->stream &&
	       pass->sum != NULL && can_fetch_chunks(pass);
}

static void
choose_fetching(struct sbn_pass *pass)
{
	if (tries_fetching(pass))
		try_out(pass, &pass->bn->fetch[pass->op == SBN_OP_BACKWARD], 2, &pass->fetch_lines);
}

/* Whether threads share channels that the cache of one does not hold; few are shared anyway. */
static void
choose_sharing(struct sbn_pass *pass)
{
	const struct sbn_process *process = pass->bn->group->process;

	pass->share = process->split == SBN_SPLIT_BLOCKS;
	if (process->split == SBN_SPLIT_AUTO && sbn_share_is_possible(pass) &&
	    sbn_share_may_gain(pass, sbn_team_threads(process->team)))
		try_out(pass, &pass->bn->sharing[pass->op == SBN_OP_BACKWARD], 2, &pass->share);
}

struct sbn_planes_way {
	enum sbn_images_written images;
	bool narrow;
};

static const struct sbn_planes_way long_rows[] = {
	{ SBN_IMAGES_ABREAST, false }, { SBN_IMAGES_SINGLE, false }, { SBN_IMAGES_PAIRS, false },
	{ SBN_IMAGES_SINGLE, true },   { SBN_IMAGES_PAIRS, true },
};

/* In strips they are written one by one in pairs, too. */
static const struct sbn_planes_way short_rows[] = {
	{ SBN_IMAGES_ABREAST, false },
	{ SBN_IMAGES_SINGLE, false },
	{ SBN_IMAGES_SINGLE, true },
};

enum {
	LONG_WAYS = sizeof(long_rows) / sizeof(long_rows[0]),
	LONG_NARROW = 2, /* of them, the last ones */
	SHORT_WAYS = sizeof(short_rows) / sizeof(short_rows[0]),
	SHORT_NARROW = 1
};

_Static_assert((int)LONG_WAYS <= (int)SBN_MOST_WAYS, "a trial has room for them");

/* Backward 16-bit types have more to compute than memory has to do, and are left out. */
static bool
may_be_narrow(const struct sbn_pass *pass)
{
	const bool is_half = pass->geometry.type != SBN_F32 && pass->geometry.type != SBN_F64;

	return pass->bn->group->process->narrower != NULL &&
	       !(is_half && pass->op == SBN_OP_BACKWARD);
}

/* Of either way to fetch, if both are tried out: the one may do best with other images. */
static void
try_ways_of_planes(struct sbn_pass *pass, bool lines)
{
	const bool is_long = pass->geometry.spatial >= SBN_ABREAST_SPATIAL;
	unsigned n = is_long ? LONG_WAYS : SHORT_WAYS;

	if (!may_be_narrow(pass))
		n -= is_long ? LONG_NARROW : SHORT_NARROW;
	pass->ways = is_long ? long_rows : short_rows;
	pass->way[lines] = 0;
	try_out(pass, &pass->bn->images[lines][sbn_pass_kind(pass)], n, &pass->way[lines]);
	pass->choice[pass->n_choices - 1].fetches = true;
	pass->choice[pass->n_choices - 1].lines = lines;
}

/* Of planes that are written past the caches: CPUs differ in how many streams they do at once. */
static void
choose_images(struct sbn_pass *pass)
{
	const enum sbn_images_written images = pass->bn->group->process->images;

	pass->ways = NULL;
	pass->images = images == SBN_IMAGES_AUTO ? SBN_IMAGES_ABREAST : images;
	if (images != SBN_IMAGES_AUTO || !pass->stream || pass->apply == NULL ||
	    sbn_pass_order(pass) != SBN_PLANES || pass->geometry.n == 1)
		return;
	try_ways_of_planes(pass, pass->fetch_lines);
	if (tries_fetching(pass))
		try_ways_of_planes(pass, !pass->fetch_lines);
}

/* Of rows and tiles that go past the caches. */
static void
choose_width(struct sbn_pass *pass)
{
	pass->narrow = 0;
	if (pass->stream && pass->sum != NULL && may_be_narrow(pass) &&
	    sbn_pass_order(pass) != SBN_PLANES && (pass->apply != NULL || pass->after != NULL))
		try_out(pass, &pass->bn->narrow[pass->op == SBN_OP_BACKWARD], 2, &pass->narrow);
}

void
sbn_pass_take_way(struct sbn_pass *pass)
{
	if (pass->ways != NULL) {
		const struct sbn_planes_way *way = &pass->ways[pass->way[pass->fetch_lines]];

		pass->images = way->images;
		pass->narrow = way->narrow;
	}
	if (pass->narrow)
		pass->kernels = &pass->bn->group->process->narrower->of[pass->geometry.type];
}

void
sbn_pass_choose_ways(struct sbn_pass *pass)
{
	const enum sbn_fetch fetch = pass->bn->group->process->fetch;

	pass->n_choices = 0;
	pass->fetch_lines =
		fetch == SBN_FETCH_AUTO ? fetches_lines(pass) : fetch == SBN_FETCH_LINES;
	choose_images(pass);
	choose_fetching(pass);
	choose_width(pass);
	choose_sharing(pass);
}

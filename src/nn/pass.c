/* SPDX-License-Identifier: Apache-2.0 */
/* What forward and backward passes begin with. */
#include "base/prefetch.h"
#include "nn/cache.h"
#include "nn/pipeline.h"
#include "nn/rows.h"
#include "nn/share.h"
#include "nn/stores.h"

void
sbn_pass_begin(struct sbn_pass *pass, struct syncbn_batch_norm *bn, const syncbn_tensor_t *x)
{
	static const enum sbn_activation activations[] = {
		[SYNCBN_ACTIVATION_NONE] = SBN_ACT_NONE,
		[SYNCBN_ACTIVATION_RELU] = SBN_ACT_RELU,
		[SYNCBN_ACTIVATION_LEAKY_RELU] = SBN_ACT_LEAKY_RELU,
	};

	pass->bn = bn;
	pass->geometry = sbn_geometry_of(x);
	pass->count = pass->geometry.n * pass->geometry.spatial;
	pass->kernels = &bn->group->process->kernels->of[pass->geometry.type];
	pass->near = sbn_cache_find().near;
	pass->x = sbn_view_of(x);
	pass->k = (struct sbn_coefficients){
		.mean_hi = bn->real[SBN_MEAN_HI],
		.mean_lo = bn->real[SBN_MEAN_LO],
		.scale = bn->real[SBN_SCALE],
		.shift = bn->real[SBN_SHIFT],
		.dy_hi = bn->real[SBN_DY_HI],
		.dy_lo = bn->real[SBN_DY_LO],
		.slope = bn->real[SBN_SLOPE],
		.slope_lo = bn->real[SBN_SLOPE_LO],
		.activation = activations[bn->config.activation],
		.negative_slope = bn->wide ? bn->config.negative_slope :
					     (double)(float)bn->config.negative_slope,
	};
}

static bool
is_input(const struct sbn_pass *pass, const struct sbn_view *view)
{
	return view->data == pass->x.data || view->data == pass->z.data ||
	       view->data == pass->dy.data;
}

static bool
go_past(const struct sbn_pass *pass, size_t bytes)
{
	struct sbn_process *process = pass->bn->group->process;

	return sbn_stores_go_past(process, bytes / (size_t)sbn_team_threads(process->team));
}

/* An input's lines are in the caches. */
void
sbn_pass_choose_stores(struct sbn_pass *pass)
{
	const size_t inputs = 1 + (pass->z.data != NULL) +
			      (pass->dy.data != NULL && pass->dy.data != pass->x.data);
	const size_t tensors = inputs + (pass->out.data != NULL) + (pass->dz.data != NULL);
	const size_t bytes =
		tensors * sbn_geometry_elements(&pass->geometry) * pass->geometry.element_bytes;
	const enum sbn_stores stores = pass->bn->group->process->stores;

	if (stores == SBN_STORES_AUTO)
		pass->stream = !(pass->out.data != NULL && is_input(pass, &pass->out)) &&
			       !(pass->dz.data != NULL && is_input(pass, &pass->dz)) &&
			       go_past(pass, bytes);
	else
		pass->stream = stores == SBN_STORES_STREAMING;
}

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
	enum sbn_images_way images;
	bool narrow;
};

static const struct sbn_planes_way long_rows[] = {
	{ SBN_WAY_ABREAST, false }, { SBN_WAY_SINGLE, false }, { SBN_WAY_PAIRS, false },
	{ SBN_WAY_SINGLE, true },   { SBN_WAY_PAIRS, true },
};

/* In strips they are written one by one in pairs, too. */
static const struct sbn_planes_way short_rows[] = {
	{ SBN_WAY_ABREAST, false },
	{ SBN_WAY_SINGLE, false },
	{ SBN_WAY_SINGLE, true },
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
	pass->images = SBN_WAY_ABREAST;
	if (images != SBN_IMAGES_AUTO)
		pass->images = (enum sbn_images_way)(images - SBN_IMAGES_ABREAST);
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

static void
fetch_array(const void *array, size_t element, uint32_t begin, uint32_t end)
{
	const char *line, *last;

	if (array == NULL)
		return;
	last = (const char *)array + end * element - 1;
	for (line = (const char *)array + begin * element; line < last; line += SBN_STORE_LINE)
		sbn_prefetch_to_write(line);
	sbn_prefetch_to_write(last);
}

void
sbn_pass_fetch(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const struct syncbn_saved *saved = pass->saved;
	const bool backward = pass->op == SBN_OP_BACKWARD;
	const size_t real = bn->wide ? sizeof(double) : sizeof(float);

	if (begin >= end)
		return;
	fetch_array(saved->mean, sizeof(double), begin, end);
	fetch_array(saved->mean_low, sizeof(double), begin, end);
	fetch_array(saved->invstd, sizeof(double), begin, end);
	for (int i = 0; i < (backward ? SBN_COEFFICIENTS : SBN_SHIFT + 1); i++)
		fetch_array(bn->real[i], real, begin, end);
	for (int i = 0; i < SBN_PARAMS; i++)
		if (backward == (i >= SYNCBN_DGAMMA))
			fetch_array(bn->param[i], real, begin, end);
}

static bool
is_in_order(const struct sbn_view *view, enum sbn_order order)
{
	return view->data == NULL || view->order == order;
}

enum sbn_order
sbn_pass_order_of_inputs(const struct sbn_pass *pass)
{
	enum sbn_order order = pass->x.order;

	return is_in_order(&pass->z, order) && is_in_order(&pass->dy, order) ? order : SBN_BLOCKS;
}

enum sbn_order
sbn_pass_order(const struct sbn_pass *pass)
{
	enum sbn_order order = sbn_pass_order_of_inputs(pass);

	return is_in_order(&pass->out, order) && is_in_order(&pass->dz, order) ? order : SBN_BLOCKS;
}

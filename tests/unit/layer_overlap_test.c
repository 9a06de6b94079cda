/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operands anywhere in one piece of memory, in every layout: what a pass accepts it computes as if
 * they lay apart, and what it refuses it has not written to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/operands.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { N = 2, C = 3, SPATIAL = 4, ROOM = N * 16 * SPATIAL, PLACES = 5, FLOATS = 8 * ROOM };
enum { TRIALS = 20000, VALUES = N * C * SPATIAL };

/* Tensors in a piece of memory; operand_get and operand_put see them as they are. */
struct arena {
	float memory[FLOATS];
	struct operand x, z, y, dy, dx, dz;
};

struct trial {
	uint64_t random;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved, *saved_apart;
	struct arena together, apart;
	bool has_z;
	int refused, accepted; /* so far */
};

/* At a place of its own, or at a random one, maybe a little beside it. */
static struct operand
place(struct trial *t, struct arena *arena, size_t own, syncbn_layout_t layout)
{
	struct operand o = { .n = N, .channels = C, .spatial = SPATIAL };
	size_t at = own * ROOM;

	if (arena == &t->together) {
		at = sbn_random_below(&t->random, PLACES) * ROOM;
		if (sbn_random_below(&t->random, 6) == 0)
			at += sbn_random_below(&t->random, ROOM);
	}
	o.tensor = syncbn_tensor_ncl(arena->memory + at, N, C, SPATIAL);
	o.tensor.layout = layout;
	return o;
}

/* Mostly one layout for all: others never share memory. */
static syncbn_layout_t
draw_layout(struct trial *t, syncbn_layout_t usual)
{
	return sbn_random_below(&t->random, 8) == 0 ?
		       sbn_all_layouts[sbn_random_below(&t->random, N_LAYOUTS)] :
		       usual;
}

static void
lay_out(struct trial *t)
{
	syncbn_layout_t usual = sbn_all_layouts[sbn_random_below(&t->random, N_LAYOUTS)];
	struct operand *together[] = { &t->together.x,  &t->together.z,  &t->together.y,
				       &t->together.dy, &t->together.dx, &t->together.dz };
	struct operand *apart[] = { &t->apart.x,  &t->apart.z,  &t->apart.y,
				    &t->apart.dy, &t->apart.dx, &t->apart.dz };

	for (size_t i = 0; i < 6; i++) {
		syncbn_layout_t layout = draw_layout(t, usual);

		*together[i] = place(t, &t->together, i, layout);
		*apart[i] = place(t, &t->apart, i, layout);
	}
	sbn_random_fill(&t->random, t->together.memory, FLOATS, 0, 1);
	t->has_z = sbn_random_below(&t->random, 2) == 1;
}

static void
copy_values(const struct operand *from, const struct operand *to)
{
	double values[VALUES];

	operand_get(from, values);
	operand_put(to, values);
}

static void
assert_alike(const struct operand *a, const struct operand *b, double tolerance)
{
	double of_a[VALUES], of_b[VALUES];

	operand_get(a, of_a);
	operand_get(b, of_b);
	for (size_t i = 0; i < VALUES; i++)
		assert_near(of_a[i], of_b[i], tolerance * (1 + fabs(of_b[i])));
}

static bool
meet(const struct operand *a, const struct operand *b)
{
	const float *at_a = a->tensor.data, *at_b = b->tensor.data;

	return at_a < at_b + ROOM && at_b < at_a + ROOM;
}

/* A call's outcome: true if it was done; what was refused has changed nothing. */
static bool
is_done(struct trial *t, syncbn_status_t status, const float *before)
{
	if (status == SYNCBN_OK) {
		t->accepted++;
		return true;
	}
	assert_int_equal(status, SYNCBN_ERR_INVALID);
	assert_memory_equal(t->together.memory, before, sizeof(t->together.memory));
	t->refused++;
	return false;
}

static bool
forward(struct trial *t, struct arena *a, syncbn_saved_t *saved)
{
	static float before[FLOATS];

	memcpy(before, t->together.memory, sizeof(before));
	return is_done(t,
		       syncbn_batch_norm_forward(t->bn, &a->x.tensor,
						 t->has_z ? &a->z.tensor : NULL, &a->y.tensor,
						 saved),
		       before);
}

static bool
backward(struct trial *t, struct arena *a, syncbn_saved_t *saved)
{
	static float before[FLOATS];

	memcpy(before, t->together.memory, sizeof(before));
	return is_done(t,
		       syncbn_batch_norm_backward(t->bn, saved, &a->dy.tensor, &a->dx.tensor,
						  t->has_z ? &a->dz.tensor : NULL, SYNCBN_WANT_ALL),
		       before);
}

/* dy is put where it destroys nothing that the pass still needs. */
static void
try_backward(struct trial *t)
{
	struct arena *a = &t->together;
	double draw[VALUES];

	if (meet(&a->dy, &a->x) || meet(&a->dy, &a->z) || !forward(t, &t->apart, t->saved_apart))
		return;
	for (size_t i = 0; i < VALUES; i++)
		draw[i] = (double)(float)sbn_random_normal(&t->random);
	operand_put(&a->dy, draw);
	operand_put(&t->apart.dy, draw);
	if (!backward(t, a, t->saved))
		return;
	assert_true(backward(t, &t->apart, t->saved_apart));
	assert_alike(&a->dx, &t->apart.dx, 1e-4);
	if (t->has_z)
		assert_alike(&a->dz, &t->apart.dz, 1e-6);
}

static void
try_one(struct trial *t)
{
	bool keeps = sbn_random_below(&t->random, 3) > 0;

	lay_out(t);
	copy_values(&t->together.x, &t->apart.x);
	copy_values(&t->together.z, &t->apart.z);
	if (!forward(t, &t->together, keeps ? t->saved : NULL))
		return;
	assert_true(forward(t, &t->apart, NULL));
	assert_alike(&t->together.y, &t->apart.y, 0);
	if (keeps)
		try_backward(t);
}

static void
run_trials(syncbn_group_t *world, const syncbn_batch_norm_config_t *config, uint64_t seed)
{
	static struct trial t;

	memset(&t, 0, sizeof(t));
	t.random = seed;
	t.bn = new_layer(world, config);
	t.saved = new_saved(t.bn);
	t.saved_apart = new_saved(t.bn);
	for (int i = 0; i < TRIALS; i++)
		try_one(&t);
	assert_true(t.accepted > TRIALS / 10 && t.refused > TRIALS / 10); /* both are met */
	syncbn_saved_free(t.saved);
	syncbn_saved_free(t.saved_apart);
	syncbn_batch_norm_free(t.bn);
}

static void
test_what_is_accepted_is_computed_as_if_apart(void **state)
{
	for (int activation = SYNCBN_ACTIVATION_NONE; activation <= SYNCBN_ACTIVATION_LEAKY_RELU;
	     activation++)
		for (int training = 0; training < 2; training++) {
			syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);

			config.activation = (syncbn_activation_t)activation;
			config.negative_slope = 0.25;
			config.momentum = 0;
			config.training = training;
			run_trials(*state, &config, (uint64_t)(2 * activation + training));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_accepted_is_computed_as_if_apart),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}

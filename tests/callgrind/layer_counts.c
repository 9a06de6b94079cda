/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fixed list of batch norms, each once untimed and once in counted_call(), which callgrind
 * is told to watch; prints their names in order. SYNCBN_ISA chooses the kernels. Data, shapes and
 * buffers are fixed, one thread does all, and valgrind shows every machine the same caches, so that
 * nothing but compilers and sources changes the instructions.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <syncbn/syncbn.h>

enum { N = 4, CHANNELS = 24, MOST_SPATIAL = 28 * 28, IMAGE = 32 * MOST_SPATIAL };

enum op { FORWARD, BACKWARD };

struct layer_case {
	enum op op;
	syncbn_layout_t layout;
	syncbn_dtype_t dtype;
	int side; /* of an image; 0: two dimensions */
	bool add_relu;
};

struct buffers {
	void *x, *z, *y, *dy, *dx, *dz;
};

static const char *const op_names[] = { "forward", "backward" };
static const char *const layout_names[] = { "", "nchw", "nhwc", "nchw8c", "nchw16c" };
static const char *const dtype_names[] = { "", "f32", "f64", "bf16", "f16" };

static void
check(syncbn_status_t status)
{
	if (status == SYNCBN_OK)
		return;
	fprintf(stderr, "layer_counts: %s: %s\n", syncbn_strerror(status), syncbn_last_error());
	exit(1);
}

/* ---- data ---- */

/* Numbers of about 1, whatever the type: only the exponent's bits matter to their speed. */
static void
fill(void *memory, syncbn_dtype_t dtype)
{
	for (size_t i = 0; i < (size_t)N * IMAGE; i++) {
		double value = 0.5 + (double)(i * 7919 % 1024) / 1024;

		if (dtype == SYNCBN_FLOAT64)
			((double *)memory)[i] = value;
		else if (dtype == SYNCBN_FLOAT32)
			((float *)memory)[i] = (float)value;
		else if (dtype == SYNCBN_BFLOAT16)
			((uint16_t *)memory)[i] = (uint16_t)(0x3f00 + i * 7919 % 128);
		else
			((uint16_t *)memory)[i] = (uint16_t)(0x3800 + i * 7919 % 1024);
	}
}

static void *
get_memory(void)
{
	void *memory = syncbn_alloc((size_t)N * IMAGE * sizeof(double));

	if (memory == NULL) {
		fputs("layer_counts: no memory\n", stderr);
		exit(1);
	}
	return memory;
}

static syncbn_tensor_t
tensor_of(const struct layer_case *of, void *data)
{
	return (syncbn_tensor_t){
		.data = data,
		.dtype = of->dtype,
		.layout = of->layout,
		.ndim = of->side > 0 ? 4 : 2,
		.shape = { of->side > 0 ? N : 8 * N, CHANNELS, of->side, of->side },
	};
}

/* ---- calls ---- */

/* Not static, so that no compiler gives it another name; callgrind is told this one. */
void counted_call(syncbn_batch_norm_t *bn, const struct layer_case *of, syncbn_saved_t *saved,
		  const struct buffers *at);

__attribute__((noinline)) void
counted_call(syncbn_batch_norm_t *bn, const struct layer_case *of, syncbn_saved_t *saved,
	     const struct buffers *at)
{
	syncbn_tensor_t x = tensor_of(of, at->x), z = tensor_of(of, at->z);
	syncbn_tensor_t y = tensor_of(of, at->y), dy = tensor_of(of, at->dy);
	syncbn_tensor_t dx = tensor_of(of, at->dx), dz = tensor_of(of, at->dz);

	if (of->op == FORWARD)
		check(syncbn_batch_norm_forward(bn, &x, of->add_relu ? &z : NULL, &y, saved));
	else
		check(syncbn_batch_norm_backward(bn, saved, &dy, &dx, of->add_relu ? &dz : NULL,
						 SYNCBN_WANT_ALL));
}

static void
call_uncounted(syncbn_batch_norm_t *bn, const struct layer_case *of, syncbn_saved_t *saved,
	       const struct buffers *at)
{
	syncbn_tensor_t x = tensor_of(of, at->x), z = tensor_of(of, at->z);
	syncbn_tensor_t y = tensor_of(of, at->y);

	check(syncbn_batch_norm_forward(bn, &x, of->add_relu ? &z : NULL, &y, saved));
}

static void
run(syncbn_group_t *group, const struct layer_case *of, const struct buffers *at)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	char space[32] = "2d";

	if (of->dtype == SYNCBN_FLOAT64)
		config.dtype = SYNCBN_FLOAT64;
	if (of->add_relu)
		config.activation = SYNCBN_ACTIVATION_RELU;
	check(syncbn_batch_norm_new(group, &config, &bn));
	check(syncbn_saved_new(bn, &saved));
	fill(at->x, of->dtype);
	fill(at->z, of->dtype);
	fill(at->dy, of->dtype);
	call_uncounted(bn, of, saved, at);
	counted_call(bn, of, saved, at);
	if (of->side > 0)
		snprintf(space, sizeof(space), "%dx%d", of->side, of->side);
	printf("%s/%s/%s/%s/%s\n", op_names[of->op], layout_names[of->layout], space,
	       dtype_names[of->dtype], of->add_relu ? "add_relu" : "none");
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

/* ---- cases ---- */

static void
run_op(syncbn_group_t *group, enum op op, const struct buffers *at)
{
	static const syncbn_dtype_t dtypes[] = { SYNCBN_FLOAT32, SYNCBN_FLOAT64, SYNCBN_BFLOAT16,
						 SYNCBN_FLOAT16 };
	static const int sides[] = { 28, 7, 0 };

	for (int layout = SYNCBN_CHANNELS_FIRST; layout <= SYNCBN_BLOCKED_16; layout++)
		for (int side = 0; side < 3; side++) {
			struct layer_case of = { .op = op,
						 .layout = (syncbn_layout_t)layout,
						 .dtype = SYNCBN_FLOAT32,
						 .side = sides[side] };

			if (layout != SYNCBN_CHANNELS_FIRST && sides[side] == 0)
				continue; /* two dimensions have one layout */
			run(group, &of, at);
			of.add_relu = true;
			run(group, &of, at);
		}
	for (int dtype = 1; dtype < 4; dtype++)
		for (int layout = SYNCBN_CHANNELS_FIRST; layout <= SYNCBN_CHANNELS_LAST; layout++) {
			struct layer_case of = { .op = op,
						 .layout = (syncbn_layout_t)layout,
						 .dtype = dtypes[dtype],
						 .side = 28 };

			run(group, &of, at);
		}
}

int
main(void)
{
	struct buffers at = { get_memory(), get_memory(), get_memory(),
			      get_memory(), get_memory(), get_memory() };
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_group_t *group;

	config.threads = 1;
	check(syncbn_init(&config, &group));
	run_op(group, FORWARD, &at);
	run_op(group, BACKWARD, &at);
	syncbn_free(at.x);
	syncbn_free(at.z);
	syncbn_free(at.y);
	syncbn_free(at.dy);
	syncbn_free(at.dx);
	syncbn_free(at.dz);
	check(syncbn_finalize(group));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_shapes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"

enum { MAX_SIZE = (1 << 24) - 1, MIN_DIMS = 2 }; /* a layer has no more channels */

/* Elements of a tensor: 4 GiB of doubles, and far from overflow. */
#define MAX_ELEMENTS ((size_t)1 << 29)

/* Images of 224 x 224; detection has 640 x 640, U-Net 256 x 256, and smaller batches. */
static const struct {
	const char *name, *shapes;
} networks[] = {
	{ "resnet50", "32x64x112x112,32x64x56x56,32x256x56x56,32x128x56x56,32x128x28x28,"
		      "32x512x28x28,32x256x28x28,32x256x14x14,32x1024x14x14,32x512x14x14,"
		      "32x512x7x7,32x2048x7x7" },
	{ "densenet121", "32x64x112x112,32x64x56x56,32x128x56x56,32x160x56x56,32x256x56x56,"
			 "32x128x28x28,32x320x28x28,32x512x28x28,32x256x14x14,32x128x14x14,"
			 "32x640x14x14,32x1024x14x14,32x128x7x7,32x512x7x7,32x1024x7x7" },
	{ "mobilenet", "32x32x112x112,32x16x112x112,32x96x112x112,32x96x56x56,32x24x56x56,"
		       "32x144x56x56,32x144x28x28,32x32x28x28,32x192x28x28,32x192x14x14,"
		       "32x64x14x14,32x384x14x14,32x96x14x14,32x576x14x14,32x576x7x7,"
		       "32x160x7x7,32x960x7x7,32x320x7x7,32x1280x7x7" },
	{ "unet", "4x64x256x256,4x128x128x128,4x256x64x64,4x512x32x32,4x1024x16x16" },
	{ "detection", "2x64x320x320,2x64x160x160,2x256x160x160,2x128x160x160,2x128x80x80,"
		       "2x512x80x80,2x256x80x80,2x256x40x40,2x1024x40x40,2x512x40x40,"
		       "2x512x20x20,2x2048x20x20,2x256x20x20" },
};

enum { N_NETWORKS = sizeof(networks) / sizeof(networks[0]) };

static syncbn_status_t
fail_shape(const char *name, const char *word)
{
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s: \"%s\" is not a shape such as 32x64x56x56 or 4096x1024, with %d to %d "
			"sizes from 1 to %d and at most %zu elements",
			name, word, MIN_DIMS, SYNCBN_MAX_DIMS, MAX_SIZE, MAX_ELEMENTS);
}

/* Splits at "x". */
static bool
parse_sizes(const char *word, struct perf_bn_shape *shape)
{
	char copy[PERF_BN_SHAPE_BYTES];
	char *rest = copy, *digits;

	if (strlen(word) >= sizeof(copy))
		return false;
	strcpy(copy, word);
	while ((digits = strsep(&rest, "x")) != NULL) {
		int64_t value;

		if (shape->dims == SYNCBN_MAX_DIMS ||
		    sbn_parse_int("shape", digits, 1, MAX_SIZE, &value) != SYNCBN_OK)
			return false;
		shape->size[shape->dims++] = (size_t)value;
	}
	return shape->dims >= MIN_DIMS;
}

static bool
is_small_enough(const struct perf_bn_shape *shape)
{
	size_t elements = 1;

	for (int i = 0; i < SYNCBN_MAX_DIMS; i++) {
		if (elements > MAX_ELEMENTS / shape->size[i])
			return false;
		elements *= shape->size[i];
	}
	return true;
}

static syncbn_status_t
add(const char *name, const char *word, struct perf_bn_shapes *shapes)
{
	struct perf_bn_shape shape = { .size = { 1, 1, 1, 1, 1 } };

	if (!parse_sizes(word, &shape) || !is_small_enough(&shape))
		return fail_shape(name, word);
	if (shapes->n == PERF_BN_MAX_SHAPES)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: more than %d shapes", name,
				PERF_BN_MAX_SHAPES);
	shapes->shape[shapes->n++] = shape;
	return SYNCBN_OK;
}

syncbn_status_t
perf_bn_shapes_parse(const char *name, const char *text, struct perf_bn_shapes *shapes)
{
	char *copy = strdup(text);
	char *rest = copy, *word;
	syncbn_status_t status = SYNCBN_OK;

	if (copy == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", name);
	while (status == SYNCBN_OK && (word = strsep(&rest, ",")) != NULL)
		status = add(name, word, shapes);
	free(copy);
	return status;
}

syncbn_status_t
perf_bn_shapes_named(const char *name, const char *text, struct perf_bn_shapes *shapes)
{
	const char *words[N_NETWORKS];
	size_t word;
	syncbn_status_t status;

	for (size_t i = 0; i < N_NETWORKS; i++)
		words[i] = networks[i].name;
	status = sbn_parse_word(name, text, words, N_NETWORKS, &word);
	return status == SYNCBN_OK ? perf_bn_shapes_parse(name, networks[word].shapes, shapes) :
				     status;
}

void
perf_bn_shape_print(const struct perf_bn_shape *shape, char *text)
{
	int used = 0;

	for (int i = 0; i < shape->dims; i++)
		used += snprintf(text + used, PERF_BN_SHAPE_BYTES - (size_t)used, "%s%zu",
				 i > 0 ? "x" : "", shape->size[i]);
}

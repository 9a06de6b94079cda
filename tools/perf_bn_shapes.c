/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_shapes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"

enum { MAX_SIZE = 1 << 24, MAX_DIMS = 4 };

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
			"%s: \"%s\" is not a shape such as 32x64x56x56 or 4096x1024, with sizes "
			"from 1 to %d and at most %zu elements",
			name, word, MAX_SIZE, MAX_ELEMENTS);
}

/* Splits at "x"; 0: a word that is no size, or too many of them. */
static int
parse_sizes(const char *word, size_t size[MAX_DIMS])
{
	char copy[PERF_BN_SHAPE_BYTES];
	char *rest = copy, *digits;
	int n = 0;

	if (strlen(word) >= sizeof(copy))
		return 0;
	strcpy(copy, word);
	while ((digits = strsep(&rest, "x")) != NULL) {
		int64_t value;

		if (n == MAX_DIMS ||
		    sbn_parse_int("shape", digits, 1, MAX_SIZE, &value) != SYNCBN_OK)
			return 0;
		size[n++] = (size_t)value;
	}
	return n;
}

static syncbn_status_t
add(const char *name, const char *word, struct perf_bn_shapes *shapes)
{
	size_t size[MAX_DIMS] = { 0, 0, 1, 1 };
	int dims = parse_sizes(word, size);
	size_t elements = 1;

	if (dims != 2 && dims != MAX_DIMS)
		return fail_shape(name, word);
	for (int i = 0; i < MAX_DIMS; i++) {
		if (elements > MAX_ELEMENTS / size[i])
			return fail_shape(name, word);
		elements *= size[i];
	}
	if (shapes->n == PERF_BN_MAX_SHAPES)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: more than %d shapes", name,
				PERF_BN_MAX_SHAPES);
	shapes->shape[shapes->n++] = (struct perf_bn_shape){ .n = size[0],
							     .channels = size[1],
							     .height = size[2],
							     .width = size[3],
							     .flat = dims == 2 };
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
	if (shape->flat)
		snprintf(text, PERF_BN_SHAPE_BYTES, "%zux%zu", shape->n, shape->channels);
	else
		snprintf(text, PERF_BN_SHAPE_BYTES, "%zux%zux%zux%zu", shape->n, shape->channels,
			 shape->height, shape->width);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Fashion-MNIST as Debian's package dataset-fashion-mnist brings it: four idx files, gzipped. */
#ifndef FM_DATA_H
#define FM_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "fm_error.h"

enum {
	FM_SIDE = 28,
	FM_PIXELS = FM_SIDE * FM_SIDE,
	FM_CLASSES = 10,
	FM_TRAIN_COUNT = 60000,
	FM_TEST_COUNT = 10000
};

struct fm_data {
	size_t count;
	uint8_t *pixels; /* [count, FM_SIDE, FM_SIDE] */
	uint8_t *labels; /* [count], each below FM_CLASSES */
};

/*
 * Reads the "train" or the "t10k" part from dir, strictly: every byte of both files must be what
 * it should. Else refuses, naming the file. fm_data_free in either case.
 */
void fm_data_read(const char *dir, const char *part, size_t count, struct fm_data *data,
		  struct fm_refusal *refusal);

void fm_data_free(struct fm_data *data);

/* Image `item` as numbers of mean 0 and variance 1 over the training set. x: [FM_PIXELS] */
void fm_data_image(const struct fm_data *data, size_t item, float *x);

#endif

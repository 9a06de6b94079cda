/* SPDX-License-Identifier: Apache-2.0 */
/* Three layers that use different arrays. */
#ifndef SBN_TESTS_UNIT_STATE_LAYERS_H
#define SBN_TESTS_UNIT_STATE_LAYERS_H

#include <stdbool.h>
#include <string.h>

#include "state/state.h"

enum { N_LAYERS = 3 };

struct state_layers {
	struct {
		float a[SBN_STATE_ARRAYS][3]; /* "a.": everything, float32 */
		double b[2][5];               /* "b.": running statistics, float64 */
		float c[2][1];                /* "c.": gamma and beta */
	} values;
	struct sbn_state_layer layer[N_LAYERS];
};

static inline void
make_layers(struct state_layers *l, int seed)
{
	*l = (struct state_layers){ 0 };
	for (int i = 0; i < 12; i++)
		l->values.a[i / 3][i % 3] = (float)(seed + i) + 0.25f;
	for (int i = 0; i < 10; i++)
		l->values.b[i / 5][i % 5] = seed + i / 3.0;
	l->values.c[0][0] = (float)-seed;
	l->values.c[1][0] = 1e-42f; /* denormal */
	l->layer[0] = (struct sbn_state_layer){ "a.", SBN_NPY_F32, 3, { 0 }, seed };
	for (int i = 0; i < SBN_STATE_ARRAYS; i++)
		l->layer[0].array[i] = l->values.a[i];
	l->layer[1] = (struct sbn_state_layer){
		"b.", SBN_NPY_F64, 5, { NULL, NULL, l->values.b[0], l->values.b[1] }, seed + 1
	};
	l->layer[2] = (struct sbn_state_layer){
		"c.", SBN_NPY_F32, 1, { l->values.c[0], l->values.c[1] }, 0
	};
}

static inline bool
same_layers(const struct state_layers *x, const struct state_layers *y)
{
	for (int i = 0; i < N_LAYERS; i++)
		if (x->layer[i].batches_tracked != y->layer[i].batches_tracked)
			return false;
	return memcmp(&x->values, &y->values, sizeof(x->values)) == 0;
}

#endif

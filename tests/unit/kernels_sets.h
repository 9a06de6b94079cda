/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction sets of this CPU, one after the other. Include after <cmocka.h>. */
#ifndef SBN_TESTS_UNIT_KERNELS_SETS_H
#define SBN_TESTS_UNIT_KERNELS_SETS_H

#include "kernels/kernels.h"

/* The next set that this CPU runs, worst first; NULL after the last. */
static inline const struct sbn_kernels *
next_set(size_t *i)
{
	const struct sbn_kernels *set;

	while (sbn_kernels_names[*i] != NULL) {
		if (sbn_kernels_choose(sbn_kernels_names[(*i)++], &set) == SYNCBN_OK)
			return set;
	}
	return NULL;
}

/* The next pair of a set and a type: *i counts them from 0. */
static inline const struct sbn_type_kernels *
next_kernels(size_t *i, enum sbn_type *type)
{
	size_t wanted = *i / SBN_TYPES, next = 0;
	const struct sbn_kernels *set = next_set(&next);

	for (; set != NULL && wanted > 0; wanted--)
		set = next_set(&next);
	*type = (enum sbn_type)(*i % SBN_TYPES);
	++*i;
	return set == NULL ? NULL : &set->of[*type];
}

static inline const struct sbn_kernels *
set_named(const char *name)
{
	const struct sbn_kernels *set = NULL;

	assert_int_equal(sbn_kernels_choose(name, &set), SYNCBN_OK);
	return set;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernels_digest [STEP]: prints "NAME TYPE HASH" for each instruction set that this CPU runs and
 * each element type: a hash over the bits of a fixed sweep, or of each STEPth case of it. A type's
 * hash must be the same in all lines, of all compilers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "kernels_cases.h"

static struct outcome outcome;

/* Which NaN it is depends on the order of operands. */
static uint64_t
hash_double(uint64_t hash, double value)
{
	double one_nan = NAN;

	return sbn_hash(hash, isnan(value) ? &one_nan : &value, sizeof(value));
}

static uint64_t
hash_outcome(uint64_t hash)
{
	for (size_t i = 0; i < outcome.n_values; i++)
		hash = hash_double(hash, outcome.values[i]);
	for (size_t which = 0; which < N_CASE_OUTPUTS; which++) {
		for (size_t i = 0; i < outcome.n_elements; i++)
			hash = hash_double(hash, element_get(outcome.type, outcome.out[which], i));
	}
	return hash;
}

static uint64_t
hash_sweep(const struct sbn_kernels *set, enum sbn_type type, size_t step)
{
	uint64_t hash = SBN_HASH_START;

	for (size_t i = 0; i < CASE_COUNT(case_kinds); i++) {
		for (size_t number = 0; case_kinds[i](set, type, number, &outcome); number += step)
			hash = hash_outcome(hash);
	}
	return hash;
}

int
main(int argc, char **argv)
{
	const size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;

	if (step == 0)
		return 2;
	for (size_t i = 0; sbn_kernels_names[i] != NULL; i++) {
		const struct sbn_kernels *set;

		if (sbn_kernels_choose(sbn_kernels_names[i], &set) != SYNCBN_OK)
			continue;
		for (int type = 0; type < SBN_TYPES; type++)
			printf("%s %s %016" PRIx64 "\n", set->name, element_names[type],
			       hash_sweep(set, (enum sbn_type)type, step));
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints "NAME HASH" for each instruction set that this CPU runs: a hash over the bits of a fixed
 * sweep. All lines, of all compilers, must show the same hash.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "kernels_cases.h"

static struct outcome outcome;

static uint64_t
hash_outcome(uint64_t hash)
{
	double one_nan = NAN; /* which NaN it is depends on the order of operands */

	for (size_t i = 0; i < outcome.n_values; i++)
		hash = sbn_hash(hash, isnan(outcome.values[i]) ? &one_nan : &outcome.values[i],
				sizeof(double));
	for (size_t i = 0; i < 2 * outcome.n_floats; i++) {
		double value = i % 2 == 0 ? outcome.y[i / 2] : outcome.dx[i / 2];

		hash = sbn_hash(hash, isnan(value) ? &one_nan : &value, sizeof(value));
	}
	return hash;
}

static uint64_t
hash_sweep(const struct sbn_kernels *set)
{
	uint64_t hash = SBN_HASH_START;

	for (size_t i = 0; i < CASE_COUNT(case_kinds); i++) {
		for (size_t number = 0; case_kinds[i](set, number, &outcome); number++)
			hash = hash_outcome(hash);
	}
	return hash;
}

int
main(void)
{
	for (size_t i = 0; sbn_kernels_names[i] != NULL; i++) {
		const struct sbn_kernels *set;

		if (sbn_kernels_choose(sbn_kernels_names[i], &set) == SYNCBN_OK)
			printf("%s %016" PRIx64 "\n", set->name, hash_sweep(set));
	}
	return 0;
}

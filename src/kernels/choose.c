/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#ifdef SBN_HAVE_X86
#include <cpuid.h>
#endif

#include "base/fail.h"
#include "base/parse.h"
#include "kernels/sets.h"

static bool
runs_always(void)
{
	return true;
}

#ifdef SBN_HAVE_X86

/* clang 14 has no builtin for it. Its registers are those of AVX2. */
static bool
has_f16c(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

/* The builtin answers for the CPU and for the kernel, which must save the registers. */
static bool
runs_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

/* Only Xeon Phi has AVX-512F without the others, and is served by AVX2. */
static bool
runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && has_f16c();
}

#endif

/* Worst first, in the order of sbn_kernels_names. */
static const struct {
	const struct sbn_kernels *kernels;
	bool (*runs)(void);
} sets[] = {
	{ &sbn_kernels_scalar, runs_always },
#ifdef SBN_HAVE_X86
	{ &sbn_kernels_avx2, runs_avx2 },
	{ &sbn_kernels_avx512, runs_avx512 },
#endif
#ifdef SBN_HAVE_ARM64
	{ &sbn_kernels_neon, runs_always },
#endif
};

enum { N_SETS = sizeof(sets) / sizeof(sets[0]) };

const char *const sbn_kernels_names[] = {
	"scalar",
#ifdef SBN_HAVE_X86
	"avx2",   "avx512",
#endif
#ifdef SBN_HAVE_ARM64
	"neon",
#endif
	NULL,
};

_Static_assert(sizeof(sbn_kernels_names) / sizeof(sbn_kernels_names[0]) == N_SETS + 1,
	       "each instruction set has a name");

static size_t
best_set(void)
{
	size_t best = N_SETS - 1;

	while (!sets[best].runs())
		best--;
	return best;
}

syncbn_status_t
sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels)
{
	size_t best = best_set(), i = best;

	if (isa != NULL && isa[0] != '\0' &&
	    sbn_parse_word("SYNCBN_ISA", isa, sbn_kernels_names, N_SETS, &i) != SYNCBN_OK)
		return SYNCBN_ERR_INVALID;
	if (!sets[i].runs())
		return sbn_fail(
			SYNCBN_ERR_INVALID,
			"SYNCBN_ISA: this CPU or its kernel has no %s; the best here is %s",
			isa, sbn_kernels_names[best]);
	*kernels = sets[i].kernels;
	return SYNCBN_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
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

static bool
runs_avx2_and_avx512(void)
{
	return runs_avx2() && runs_avx512();
}

/*
 * Whether arithmetic on vectors of 512 bits lowers the clock, of all that runs in the next
 * milliseconds, too. Intel's CPUs with AVX-VNNI do not do so any more, to speak of.
 */
static bool
is_slowed_by_512_bits(void)
{
	enum { EXTENDED = 7, SECOND = 1, AVX_VNNI = 1 << 4 };
	unsigned eax, ebx, ecx, edx;

	if (!__builtin_cpu_is("intel"))
		return false;
	return __get_cpuid_count(EXTENDED, SECOND, &eax, &ebx, &ecx, &edx) == 0 ||
	       (eax & AVX_VNNI) == 0;
}

static struct sbn_kernels avx2_and_avx512;
static pthread_once_t composed = PTHREAD_ONCE_INIT;

/* AVX2, but for the 16-bit types, whose conversions take half as many instructions in AVX-512. */
static void
compose(void)
{
	avx2_and_avx512 = sbn_kernels_avx2;
	avx2_and_avx512.name = "avx2+avx512";
	avx2_and_avx512.of[SBN_BF16] = sbn_kernels_avx512.of[SBN_BF16];
	avx2_and_avx512.of[SBN_F16] = sbn_kernels_avx512.of[SBN_F16];
	avx2_and_avx512.sum_bf16 = sbn_kernels_avx512.sum_bf16;
}

#endif

/* Worst first, in the order of sbn_kernels_names; then what is made of them. */
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
#ifdef SBN_HAVE_X86
	{ &avx2_and_avx512, runs_avx2_and_avx512 },
#endif
};

#if defined(SBN_HAVE_X86)
#define PLAIN_SETS "scalar", "avx2", "avx512"
#elif defined(SBN_HAVE_ARM64)
#define PLAIN_SETS "scalar", "neon"
#else
#define PLAIN_SETS "scalar"
#endif

const char *const sbn_kernels_names[] = { PLAIN_SETS, NULL };

static const char *const words[] = {
	PLAIN_SETS,
#ifdef SBN_HAVE_X86
	"avx2+avx512",
#endif
};

enum {
	N_WORDS = sizeof(words) / sizeof(words[0]),
	N_SETS = sizeof(sbn_kernels_names) / sizeof(sbn_kernels_names[0]) - 1
};

_Static_assert(sizeof(sets) / sizeof(sets[0]) == N_WORDS, "each set has a word");

static size_t
best_set(void)
{
	size_t best = N_SETS - 1;

	while (!sets[best].runs())
		best--;
#ifdef SBN_HAVE_X86
	if (sets[best].kernels == &sbn_kernels_avx512 && runs_avx2() && is_slowed_by_512_bits())
		return N_WORDS - 1;
#endif
	return best;
}

syncbn_status_t
sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels)
{
	size_t best = best_set(), i = best;

	if (isa != NULL && isa[0] != '\0' &&
	    sbn_parse_word("SYNCBN_ISA", isa, words, N_WORDS, &i) != SYNCBN_OK)
		return SYNCBN_ERR_INVALID;
	if (!sets[i].runs())
		return sbn_fail(
			SYNCBN_ERR_INVALID,
			"SYNCBN_ISA: this CPU or its kernel has no %s; the best here is %s",
			isa, words[best]);
#ifdef SBN_HAVE_X86
	pthread_once(&composed, compose);
#endif
	*kernels = sets[i].kernels;
	return SYNCBN_OK;
}

const struct sbn_kernels *
sbn_kernels_narrower(const char *isa)
{
#ifdef SBN_HAVE_X86
	if ((isa == NULL || isa[0] == '\0') && runs_avx2() &&
	    sets[best_set()].kernels == &sbn_kernels_avx512)
		return &sbn_kernels_avx2;
#else
	(void)isa;
#endif
	return NULL;
}

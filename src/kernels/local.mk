# SPDX-License-Identifier: Apache-2.0
# The same bodies once for each instruction set and element type; a set is a library because only
# its own source may be compiled for it. The bodies say themselves what is a vector: a compiler that
# makes pairs of their pointers only has to take these apart again.
libsbn_core_la_SOURCES += \
	src/kernels/abreast_body.h \
	src/kernels/asked_body.h \
	src/kernels/block.h \
	src/kernels/blocks_body.h \
	src/kernels/choose.c \
	src/kernels/coefficients_body.h \
	src/kernels/every_type.h \
	src/kernels/float_positions_body.h \
	src/kernels/float_sums_body.h \
	src/kernels/fold_body.h \
	src/kernels/formulas_body.h \
	src/kernels/forms.h \
	src/kernels/gradient_positions_body.h \
	src/kernels/gradients_body.h \
	src/kernels/half.h \
	src/kernels/half_avx2.h \
	src/kernels/half_avx512.h \
	src/kernels/half_neon.h \
	src/kernels/half_scalar.h \
	src/kernels/kernels.h \
	src/kernels/lockstep_body.h \
	src/kernels/lockstep_mapping_body.h \
	src/kernels/lockstep_planes_body.h \
	src/kernels/lockstep_rest_body.h \
	src/kernels/lockstep_strips_body.h \
	src/kernels/map_body.h \
	src/kernels/merge.h \
	src/kernels/merge_body.h \
	src/kernels/one_column_body.h \
	src/kernels/order_body.h \
	src/kernels/plane_body.h \
	src/kernels/planes_body.h \
	src/kernels/positions_body.h \
	src/kernels/results_body.h \
	src/kernels/rows_beside_body.h \
	src/kernels/rows_body.h \
	src/kernels/rows_moments_body.h \
	src/kernels/rows_sums_body.h \
	src/kernels/scalar.c \
	src/kernels/sets.h \
	src/kernels/short_body.h \
	src/kernels/spread_body.h \
	src/kernels/stream.h \
	src/kernels/strips_body.h \
	src/kernels/sum_body.h \
	src/kernels/typed_body.h \
	src/kernels/types.h \
	src/kernels/v16_avx2.h \
	src/kernels/v16_avx512.h \
	src/kernels/v16_neon.h \
	src/kernels/v16_scalar.h \
	src/kernels/w16_avx2.h \
	src/kernels/w16_avx512.h \
	src/kernels/w16_neon.h \
	src/kernels/w16_scalar.h \
	src/kernels/walk_body.h \
	src/kernels/wide_positions_body.h

# as choose.c asks for
AVX512_FLAGS = -mavx512f -mavx512bw -mavx512vl -mf16c

if HAVE_X86
noinst_LTLIBRARIES += libsbn_kernels_avx2.la libsbn_kernels_avx512.la
libsbn_kernels_avx2_la_SOURCES = src/kernels/avx2.c
libsbn_kernels_avx2_la_CFLAGS = $(AM_CFLAGS) -mavx2 -mfma -mf16c -fno-tree-slp-vectorize
libsbn_kernels_avx512_la_SOURCES = src/kernels/avx512.c
libsbn_kernels_avx512_la_CFLAGS = $(AM_CFLAGS) $(AVX512_FLAGS) -fno-tree-slp-vectorize
libsbn_core_la_LIBADD += libsbn_kernels_avx2.la libsbn_kernels_avx512.la
endif

# gcse: gcc takes a quarter of an hour for it where 16 doubles are eight registers
if HAVE_ARM64
noinst_LTLIBRARIES += libsbn_kernels_neon.la
libsbn_kernels_neon_la_SOURCES = src/kernels/neon.c
libsbn_kernels_neon_la_CFLAGS = $(AM_CFLAGS) -fno-tree-slp-vectorize -fno-gcse
libsbn_core_la_LIBADD += libsbn_kernels_neon.la
else
EXTRA_DIST += src/kernels/neon.c
endif

# behind the user's own, of which the last one counts
src/kernels/scalar.lo \
src/kernels/libsbn_kernels_avx2_la-avx2.lo \
src/kernels/libsbn_kernels_avx512_la-avx512.lo \
src/kernels/libsbn_kernels_neon_la-neon.lo: CFLAGS += $(SBN_KERNELS_DEBUG)

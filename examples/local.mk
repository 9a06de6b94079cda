# SPDX-License-Identifier: Apache-2.0
# Needs nothing but the library.
noinst_PROGRAMS += examples/smallest
examples_smallest_CPPFLAGS = -I$(top_srcdir)/include
examples_smallest_LDADD = libsyncbn.la

if HAVE_EXAMPLE
noinst_PROGRAMS += examples/fashion_mnist
endif

examples_fashion_mnist_SOURCES = \
	examples/fashion_mnist.c \
	examples/fm_checkpoint.c \
	examples/fm_checkpoint.h \
	examples/fm_data.c \
	examples/fm_data.h \
	examples/fm_error.c \
	examples/fm_error.h \
	examples/fm_evaluate.c \
	examples/fm_evaluate.h \
	examples/fm_file.c \
	examples/fm_file.h \
	examples/fm_hash.h \
	examples/fm_json.c \
	examples/fm_json.h \
	examples/fm_layers.c \
	examples/fm_layers.h \
	examples/fm_linear.c \
	examples/fm_linear.h \
	examples/fm_model.c \
	examples/fm_model.h \
	examples/fm_nearest.c \
	examples/fm_nearest.h \
	examples/fm_options.c \
	examples/fm_options.h \
	examples/fm_random.h \
	examples/fm_report.c \
	examples/fm_report.h \
	examples/fm_sampler.c \
	examples/fm_sampler.h \
	examples/fm_sum.h \
	examples/fm_train.c \
	examples/fm_train.h

# An ordinary user of the library: src/ is not on its include path.
examples_fashion_mnist_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/include \
	-DFASHION_MNIST_DIR='"$(FASHION_MNIST_DIR)"' $(ZLIB_CFLAGS) $(CBLAS_CFLAGS)
# its loops carry OpenMP's simd pragmas, which need no runtime
examples_fashion_mnist_CFLAGS = $(AM_CFLAGS) -fopenmp-simd
examples_fashion_mnist_LDADD = libsyncbn.la $(ZLIB_LIBS) $(CBLAS_LIBS) -lm

EXTRA_DIST += examples/demo.sh

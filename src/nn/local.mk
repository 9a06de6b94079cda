# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/nn/backward.c \
	src/nn/cache.c \
	src/nn/cache.h \
	src/nn/chunks.c \
	src/nn/chunks.h \
	src/nn/coefficients.c \
	src/nn/coefficients.h \
	src/nn/columns.c \
	src/nn/columns.h \
	src/nn/config.c \
	src/nn/forward.c \
	src/nn/initializer.c \
	src/nn/initializer.h \
	src/nn/inverse.c \
	src/nn/layer.c \
	src/nn/layer.h \
	src/nn/pass.c \
	src/nn/pipeline.c \
	src/nn/pipeline.h \
	src/nn/planes.c \
	src/nn/planes.h \
	src/nn/row.h \
	src/nn/rows.c \
	src/nn/rows.h \
	src/nn/stopwatch.h \
	src/nn/tensor_check.c \
	src/nn/tensor_check.h \
	src/nn/tile.c \
	src/nn/tile.h \
	src/nn/tiles.c \
	src/nn/tiles.h \
	src/nn/transpose.c \
	src/nn/transpose.h \
	src/nn/view.c \
	src/nn/view.h

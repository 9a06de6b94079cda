# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/nn/backward.c \
	src/nn/config.c \
	src/nn/forward.c \
	src/nn/geometry.c \
	src/nn/geometry.h \
	src/nn/layer.c \
	src/nn/layer.h \
	src/nn/pipeline.c \
	src/nn/pipeline.h \
	src/nn/planes.c \
	src/nn/planes.h \
	src/nn/rows.c \
	src/nn/rows.h

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/state/archive.c \
	src/state/archive.h \
	src/state/load.c \
	src/state/names.h \
	src/state/npy.c \
	src/state/npy.h \
	src/state/npz.c \
	src/state/safetensors.c \
	src/state/safetensors_header.c \
	src/state/safetensors_header.h \
	src/state/save.c \
	src/state/state.h

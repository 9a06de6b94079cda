# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/train/arena.c \
	src/train/arena.h

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/train/arena.c \
	src/train/arena.h \
	src/train/flight.c \
	src/train/flight.h \
	src/train/reduce.c \
	src/train/reduce.h

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/sync/barrier.h \
	src/sync/cache_line.h \
	src/sync/leave.h \
	src/sync/ring.c \
	src/sync/ring.h

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/base/clock.c \
	src/base/clock.h \
	src/base/dtype.h \
	src/base/fail.c \
	src/base/fail.h \
	src/base/file.c \
	src/base/file.h \
	src/base/hash.h \
	src/base/log.c \
	src/base/log.h \
	src/base/math.h \
	src/base/prefetch.h \
	src/base/parse.c \
	src/base/parse.h \
	src/base/reader.h \
	src/base/show.c \
	src/base/show.h

# SPDX-License-Identifier: Apache-2.0
# The public functions, and the shared library that they and the rooms make. The tests link both
# statically instead.
noinst_LTLIBRARIES += libsbn_api.la
libsbn_api_la_SOURCES = \
	src/api/batch_norm.c \
	src/api/check.h \
	src/api/collective.c \
	src/api/counters.c \
	src/api/group.c \
	src/api/memory.c \
	src/api/parallel.c \
	src/api/passes.c \
	src/api/shard.c \
	src/api/state.c \
	src/api/status.c \
	src/api/subgroup.c \
	src/api/subgroup.h \
	src/api/tensor.c

lib_LTLIBRARIES += libsyncbn.la
libsyncbn_la_SOURCES =
libsyncbn_la_LIBADD = libsbn_api.la libsbn_core.la
libsyncbn_la_LDFLAGS = $(SBN_NO_UNDEFINED) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/src/libsyncbn.map
EXTRA_libsyncbn_la_DEPENDENCIES = src/libsyncbn.map
EXTRA_DIST += src/libsyncbn.map

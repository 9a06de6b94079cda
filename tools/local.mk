# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += tools/syncbn-run tools/syncbn-perf

tools_syncbn_run_SOURCES = tools/syncbn-run.c
tools_syncbn_run_LDADD = libsbn_launch.la libsbn_core.la

tools_syncbn_perf_SOURCES = \
	tools/perf_env.c \
	tools/perf_env.h \
	tools/syncbn-perf.c
tools_syncbn_perf_LDADD = libsbn_launch.la libsbn_core.la

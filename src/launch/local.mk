# SPDX-License-Identifier: Apache-2.0
# What the launcher is made of; it knows the segment and nothing of batch norm.
noinst_LTLIBRARIES += libsbn_launch.la
libsbn_launch_la_SOURCES = \
	src/launch/child.c \
	src/launch/child.h \
	src/launch/failure.c \
	src/launch/failure.h \
	src/launch/guard.c \
	src/launch/guard.h \
	src/launch/job.c \
	src/launch/job.h \
	src/launch/launch_env.c \
	src/launch/launch_env.h \
	src/launch/lines.c \
	src/launch/lines.h \
	src/launch/member.c \
	src/launch/member.h \
	src/launch/notice.c \
	src/launch/notice.h \
	src/launch/options.c \
	src/launch/options.h \
	src/launch/output.c \
	src/launch/output.h \
	src/launch/plan.c \
	src/launch/plan.h \
	src/launch/proc.c \
	src/launch/proc.h \
	src/launch/relay.c \
	src/launch/relay.h \
	src/launch/report.c \
	src/launch/report.h \
	src/launch/say.c \
	src/launch/say.h \
	src/launch/signals.c \
	src/launch/signals.h \
	src/launch/spawn.c \
	src/launch/spawn.h \
	src/launch/strays.c \
	src/launch/strays.h \
	src/launch/supervise.c \
	src/launch/supervise.h

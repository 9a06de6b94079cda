# SPDX-License-Identifier: Apache-2.0
# What the launcher is made of; it knows the segment and nothing of batch norm.
noinst_LTLIBRARIES += libsbn_launch.la
libsbn_launch_la_SOURCES = \
	src/launch/allocator.c \
	src/launch/allocator.h \
	src/launch/adopt.c \
	src/launch/adopt.h \
	src/launch/adopted.c \
	src/launch/adopted.h \
	src/launch/answers.c \
	src/launch/child.c \
	src/launch/child.h \
	src/launch/exec_failure.c \
	src/launch/exec_failure.h \
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
	src/launch/meet.c \
	src/launch/meet.h \
	src/launch/member.c \
	src/launch/member.h \
	src/launch/notice.c \
	src/launch/notice.h \
	src/launch/option_help.c \
	src/launch/option_table.c \
	src/launch/option_table.h \
	src/launch/option_value.c \
	src/launch/options.c \
	src/launch/options.h \
	src/launch/other_runs.c \
	src/launch/other_runs.h \
	src/launch/output.c \
	src/launch/output.h \
	src/launch/phases.c \
	src/launch/picture.c \
	src/launch/picture.h \
	src/launch/placement.c \
	src/launch/placement.h \
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
	src/launch/settings.c \
	src/launch/settings.h \
	src/launch/signals.c \
	src/launch/signals.h \
	src/launch/spawn.c \
	src/launch/spawn.h \
	src/launch/strays.c \
	src/launch/strays.h \
	src/launch/supervise.c \
	src/launch/supervise.h \
	src/launch/supervisor.h
libsbn_launch_la_LIBADD = $(INIH_LIBS)

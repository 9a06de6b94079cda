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
	src/launch/channels.c \
	src/launch/channels.h \
	src/launch/child.c \
	src/launch/child.h \
	src/launch/clocks.c \
	src/launch/clocks.h \
	src/launch/ending.c \
	src/launch/ending.h \
	src/launch/exec_failure.c \
	src/launch/exec_failure.h \
	src/launch/failure.c \
	src/launch/failure.h \
	src/launch/failure_table.c \
	src/launch/failure_text.c \
	src/launch/guard.c \
	src/launch/guard.h \
	src/launch/hang.c \
	src/launch/hang.h \
	src/launch/input.c \
	src/launch/input.h \
	src/launch/job.c \
	src/launch/job.h \
	src/launch/launch_env.c \
	src/launch/launch_env.h \
	src/launch/lines.c \
	src/launch/lines.h \
	src/launch/marked.c \
	src/launch/marked.h \
	src/launch/meet.c \
	src/launch/meet.h \
	src/launch/member.c \
	src/launch/member.h \
	src/launch/notice.c \
	src/launch/notice.h \
	src/launch/oom.c \
	src/launch/oom.h \
	src/launch/option_help.c \
	src/launch/option_ranks.c \
	src/launch/option_ranks.h \
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
	src/launch/pty.c \
	src/launch/pty.h \
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
	src/launch/sink.c \
	src/launch/sink.h \
	src/launch/spawn.c \
	src/launch/spawn.h \
	src/launch/stacks.c \
	src/launch/stacks.h \
	src/launch/strays.c \
	src/launch/strays.h \
	src/launch/supervise.c \
	src/launch/supervise.h \
	src/launch/supervisor.h \
	src/launch/table.c \
	src/launch/table.h \
	src/launch/terminal.c \
	src/launch/terminal.h \
	src/launch/text.c \
	src/launch/text.h \
	src/launch/threads.c \
	src/launch/threads.h \
	src/launch/unwind.h \
	src/launch/waits.c \
	src/launch/waits.h
libsbn_launch_la_LIBADD = $(INIH_LIBS) $(LIBDW_LIBS)
if HAVE_LIBDW
libsbn_launch_la_SOURCES += src/launch/unwind_dw.c
else
libsbn_launch_la_SOURCES += src/launch/unwind_none.c
endif

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/comm/abort.c \
	src/comm/agree.c \
	src/comm/agree.h \
	src/comm/all_reduce.c \
	src/comm/barrier.c \
	src/comm/broadcast.c \
	src/comm/call.c \
	src/comm/call.h \
	src/comm/call_text.c \
	src/comm/collective.c \
	src/comm/collective.h \
	src/comm/copy.c \
	src/comm/copy.h \
	src/comm/diagnose.c \
	src/comm/diagnose.h \
	src/comm/gather.c \
	src/comm/group.c \
	src/comm/group.h \
	src/comm/join.c \
	src/comm/leave.c \
	src/comm/leave.h \
	src/comm/process.c \
	src/comm/process.h \
	src/comm/slice.c \
	src/comm/slice.h \
	src/comm/split.c \
	src/comm/split.h \
	src/comm/transport.h \
	src/comm/transport_self.c \
	src/comm/transport_shm.c \
	src/comm/transport_shm.h \
	src/comm/tuning.c \
	src/comm/tuning.h \
	src/comm/wait.c \
	src/comm/wait.h

# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/shm/contract.c \
	src/shm/contract.h \
	src/shm/control.c \
	src/shm/control.h \
	src/shm/create.c \
	src/shm/creator.c \
	src/shm/creator.h \
	src/shm/describe.c \
	src/shm/extent.c \
	src/shm/layout.c \
	src/shm/layout.h \
	src/shm/segment.c \
	src/shm/segment.h

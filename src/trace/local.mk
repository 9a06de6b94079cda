# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/trace/counters.h

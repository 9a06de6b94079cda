# SPDX-License-Identifier: Apache-2.0
libsbn_core_la_SOURCES += \
	src/platform/affinity.c \
	src/platform/affinity.h \
	src/platform/alloc.c \
	src/platform/alloc.h \
	src/platform/binding.c \
	src/platform/binding.h \
	src/platform/cgroup.c \
	src/platform/cgroup.h \
	src/platform/choice.c \
	src/platform/choice.h \
	src/platform/domain_lists.c \
	src/platform/domain_lists.h \
	src/platform/domains.c \
	src/platform/domains.h \
	src/platform/futex.h \
	src/platform/kernel_nodes.h \
	src/platform/membarrier.h \
	src/platform/mempolicy.c \
	src/platform/mempolicy.h \
	src/platform/nearness.c \
	src/platform/nearness.h \
	src/platform/nodes.h \
	src/platform/openmp.c \
	src/platform/openmp.h \
	src/platform/place.c \
	src/platform/place.h \
	src/platform/team.c \
	src/platform/team.h \
	src/platform/topology.c \
	src/platform/topology.h \
	src/platform/topology_source.c \
	src/platform/topology_source.h

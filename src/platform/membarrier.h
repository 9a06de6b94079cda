/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full fence in all running threads of all processes that have asked for it, made by one of them
 * (membarrier(2), global expedited): who seldom needs an order pays for those who often would.
 */
#ifndef SBN_PLATFORM_MEMBARRIER_H
#define SBN_PLATFORM_MEMBARRIER_H

#include <linux/membarrier.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* This process is one of them from here on. False: the system has none, or refuses. */
static inline bool
sbn_membarrier_register(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

/* False: none was made; a filter may have come since. */
static inline bool
sbn_membarrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

#endif

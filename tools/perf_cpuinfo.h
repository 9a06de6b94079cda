/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_CPUINFO_H
#define SYNCBN_PERF_CPUINFO_H

/* The text behind "key : " in /proc/cpuinfo, of its first CPU; the caller frees it. NULL: none. */
char *perf_cpuinfo(const char *key);

#endif

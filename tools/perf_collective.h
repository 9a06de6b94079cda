/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_COLLECTIVE_H
#define SYNCBN_PERF_COLLECTIVE_H

/*
 * "syncbn-perf exchange|allreduce|barrier|overlap": as a rank of a run it measures; by itself it
 * starts the ranks. Returns an exit code.
 */
int perf_collective(int argc, char **argv);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_BN_H
#define SYNCBN_PERF_BN_H

/*
 * "syncbn-perf bn": as a rank of a run it measures; by itself it starts the ranks. Returns an exit
 * code.
 */
int perf_bn(int argc, char **argv);

#endif

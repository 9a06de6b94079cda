/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_ENV_H
#define SYNCBN_PERF_ENV_H

/* "syncbn-perf env": prints what of this machine matters to speed. Returns an exit code. */
int perf_env(int argc, char **argv);

#endif

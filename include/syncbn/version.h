/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_VERSION_H
#define SYNCBN_VERSION_H

/* The version of these headers. syncbn_version() tells that of the library that runs. */
#define SYNCBN_VERSION_MAJOR 0
#define SYNCBN_VERSION_MINOR 1
#define SYNCBN_VERSION_PATCH 0
#define SYNCBN_VERSION "0.1.0"

#endif

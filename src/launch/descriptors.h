/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBN_LAUNCH_DESCRIPTORS_H
#define SBN_LAUNCH_DESCRIPTORS_H

/*
 * Opens /dev/null where standard input, output or error is closed: the next file to be opened would
 * take its number, and what is printed would go there. A program calls it before anything else.
 */
void sbn_keep_standard_descriptors(void);

#endif

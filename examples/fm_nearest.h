/* SPDX-License-Identifier: Apache-2.0 */
/* The word that somebody probably meant. */
#ifndef FM_NEAREST_H
#define FM_NEAREST_H

#include <stddef.h>

/*
 * The one of the n words that is fewest edits away from text, the first of several; NULL when none
 * is near: it differs in at most a third of the letters, or has the text in it, or begins the text;
 * and both have three letters or more.
 */
const char *fm_nearest(const char *text, const char *const *words, size_t n);

#endif

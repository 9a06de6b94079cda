/* SPDX-License-Identifier: Apache-2.0 */
/* Strict parsers: the whole text must be the value, within its range, or it is INVALID. */
#ifndef SBN_BASE_PARSE_H
#define SBN_BASE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>

/* `what` names the value in the error: "--timeout" or "SYNCBN_THREADS". *out is kept on error. */
syncbn_status_t sbn_parse_int(const char *what, const char *text, int64_t min, int64_t max,
			      int64_t *out);
syncbn_status_t sbn_parse_double(const char *what, const char *text, double min, double max,
				 double *out);
syncbn_status_t sbn_parse_seconds(const char *what, const char *text, double min, double max,
				  double *out);

/* The index of text among n words; the error offers the nearest word. */
syncbn_status_t sbn_parse_word(const char *what, const char *text, const char *const *words,
			       size_t n, size_t *out);

/*
 * The word nearest to text by edit distance, or NULL when none is near: it differs in at most a
 * third of the letters, or has the text in it, or begins the text. Dashes before a word do not
 * count, nor do capitals; words of one or two letters are near to themselves only, and to
 * themselves with the last letter twice.
 */
const char *sbn_nearest_word(const char *text, const char *const *words, size_t n);

/* The same on an environment variable; unset or empty keeps *out and is OK. */
syncbn_status_t sbn_env_int(const char *name, int64_t min, int64_t max, int64_t *out);
syncbn_status_t sbn_env_double(const char *name, double min, double max, double *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_nearest.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 31, NEAR_LETTERS = 3 };

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's distance between the first WORD_MAX letters of both. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];

			row[j] = smallest(above + 1, row[j - 1] + 1,
					  diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

/* Who writes a beginning, or a name and more, means that name, however much is missing. */
static int
is_near(const char *text, const char *word, size_t edits)
{
	size_t length = strlen(text);

	if (length < NEAR_LETTERS || strlen(word) < NEAR_LETTERS)
		return 0;
	return strstr(word, text) != NULL || strncmp(text, word, strlen(word)) == 0 ||
	       edits <= length / 3;
}

const char *
fm_nearest(const char *text, const char *const *words, size_t n)
{
	const char *nearest = NULL;
	size_t fewest = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t edits = distance(text, words[i]);

		if (is_near(text, words[i], edits) && edits < fewest) {
			fewest = edits;
			nearest = words[i];
		}
	}
	return nearest;
}

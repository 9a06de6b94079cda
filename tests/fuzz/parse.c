/* SPDX-License-Identifier: Apache-2.0 */
/* A line is a number or a word, or neither; a value that is taken lies in its range. */
#include "base/parse.h"
#include "fuzz/words.h"

static void
parse_numbers(const char *text)
{
	int64_t whole = 0;
	double real = 1;

	if (sbn_parse_int("--fuzz", text, -5, 1000, &whole) == SYNCBN_OK &&
	    (whole < -5 || whole > 1000))
		abort();
	sbn_parse_int("--fuzz", text, INT64_MIN, INT64_MAX, &whole);
	if (sbn_parse_double("--fuzz", text, -1e9, 1e9, &real) == SYNCBN_OK &&
	    !(real >= -1e9 && real <= 1e9))
		abort();
	if (sbn_parse_seconds("--fuzz", text, 0.001, 1e6, &real) == SYNCBN_OK &&
	    !(real >= 0.001 && real <= 1e6))
		abort();
}

/* The last line is the text, those before it are the words. */
static void
parse_words(const struct words *words)
{
	const char *text = words->word[words->n - 1];
	const char *const *known = (const char *const *)words->word;
	size_t n = (size_t)words->n - 1, found = n;

	if (sbn_parse_word("--fuzz", text, known, n, &found) == SYNCBN_OK &&
	    (found >= n || strcmp(known[found], text) != 0))
		abort();
	sbn_nearest_word(text, known, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct words words;

	sbn_words_new(&words, data, n);
	for (int i = 0; i < words.n; i++)
		parse_numbers(words.word[i]);
	parse_words(&words);
	free(words.text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's bytes as lines, which stand for the words or variables of a command line. */
#ifndef SBN_TESTS_FUZZ_WORDS_H
#define SBN_TESTS_FUZZ_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry has no header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_WORDS = 32 };

struct words {
	char *text; /* all words, each ended by 0 */
	char *word[MAX_WORDS + 1];
	int n;
};

/* Memory of just the size that is needed, so that the sanitizer sees the first byte beyond. */
static inline void
sbn_words_new(struct words *words, const uint8_t *data, size_t n)
{
	char *at;

	words->text = malloc(n + 1);
	words->n = 0;
	memcpy(words->text, data, n);
	words->text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (words->text[i] == '\n')
			words->text[i] = '\0';
	for (at = words->text; at <= words->text + n && words->n < MAX_WORDS; at += strlen(at) + 1)
		words->word[words->n++] = at;
	words->word[words->n] = NULL;
}

#endif

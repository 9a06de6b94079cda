/* SPDX-License-Identifier: Apache-2.0 */
/* The lines are the words of a command line of syncbn-run. */
#include "launch/options.h"
#include "fuzz/words.h"
#include "shm/layout.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sbn_options options;
	struct words words;

	sbn_words_new(&words, data, n);
	if (sbn_options_parse(words.n, words.word, &options) == SYNCBN_OK &&
	    (options.n_ranks > SBN_MAX_RANKS || options.program < words.word ||
	     options.program > words.word + words.n))
		abort();
	sbn_options_free(&options);
	free(words.text);
	return 0;
}

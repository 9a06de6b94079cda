/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines are an environment: a rank reads its contract from it, and the launcher makes a rank's
 * environment of it, from which that rank reads what was meant.
 */
#include <unistd.h>

#include "base/parse.h"
#include "fuzz/words.h"
#include "launch/launch_env.h"
#include "shm/contract.h"

static void
read_variables(void)
{
	struct sbn_contract contract;
	int64_t threads = 1;
	double timeout_s = 1;

	if (sbn_contract_read(&contract) == SYNCBN_OK && contract.rank >= contract.world_size)
		abort();
	sbn_env_int("SYNCBN_THREADS", 1, 1024, &threads);
	sbn_env_double("SYNCBN_TIMEOUT", 0.001, 1e6, &timeout_s);
}

static void
hand_over(char **inherited)
{
	const struct sbn_launch_env wanted = {
		.rank = 2,
		.world_size = 3,
		.segment_fd = 4,
		.run_id = { 5, 6 },
		.n_cores = 7,
		.timeout_s = 8.5,
		.master_port = 9,
	};
	char **made = sbn_launch_env_new(&wanted, inherited);
	struct sbn_contract contract;

	if (made == NULL)
		return;
	environ = made;
	if (sbn_contract_read(&contract) != SYNCBN_OK || !contract.present || contract.rank != 2 ||
	    contract.world_size != 3 || contract.segment_fd != 4 || contract.run_id[1] != 6)
		abort();
	environ = inherited;
	sbn_launch_env_free(made);
}

/* glibc's getenv looks at two bytes of every entry, so none may be empty. */
static void
drop_empty(struct words *words)
{
	int n = 0;

	for (int i = 0; i < words->n; i++)
		if (words->word[i][0] != '\0')
			words->word[n++] = words->word[i];
	words->word[n] = NULL;
	words->n = n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char **own = environ; /* setenv would keep every value for ever */
	struct words words;

	sbn_words_new(&words, data, n);
	drop_empty(&words);
	environ = words.word;
	read_variables();
	hand_over(words.word);
	environ = own;
	free(words.text);
	return 0;
}

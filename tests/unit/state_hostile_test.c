/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were damaged: never a crash, never a layer that is half loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/state_files.h"

static const syncbn_state_format_t formats[] = { SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_NPZ };

static void
test_every_truncation_is_refused(void **state)
{
	struct state_layers l;

	make_layers(&l, 9);
	for (int f = 0; f < 2; f++) {
		size_t whole;
		unsigned char *bytes =
			encode_layers(state, &l, formats[f], SYNCBN_STATE_TORCH, &whole);

		for (size_t n = 0; n < whole; n++) {
			unsigned char *cut = malloc(n + (n == 0));

			memcpy(cut, bytes, n);
			assert_refused(cut, n, SYNCBN_STATE_PARTIAL, "");
			free(cut);
		}
		free(bytes);
	}
}

/* Decodes into layers of their own; false: an error that touched them. */
static bool
is_all_or_nothing(const unsigned char *bytes, size_t n, size_t *n_loaded)
{
	struct state_layers into, before;
	syncbn_status_t status;

	make_layers(&into, 50);
	make_layers(&before, 50);
	status = sbn_state_decode(bytes, n, into.layer, N_LAYERS, 0);
	*n_loaded += status == SYNCBN_OK;
	return status == SYNCBN_OK || (status == SYNCBN_ERR_INVALID && same_layers(&into, &before));
}

/* A zip file may begin and end with other things; all its readers look for its directory. */
static void
test_more_bytes_at_the_end_are_no_part_of_a_safetensors_file(void **state)
{
	struct state_layers l;

	make_layers(&l, 9);
	for (int f = 0; f < 2; f++) {
		size_t n, n_loaded = 0;
		unsigned char *bytes = encode_layers(state, &l, formats[f], SYNCBN_STATE_TORCH, &n);

		bytes = realloc(bytes, n + 100);
		memset(bytes + n, 'x', 100);
		assert_true(is_all_or_nothing(bytes, n + 100, &n_loaded));
		assert_true(n_loaded == 0 || formats[f] == SYNCBN_STATE_NPZ);
		free(bytes);
	}
}

static void
test_every_flipped_bit_is_all_or_nothing(void **state)
{
	struct state_layers l;

	make_layers(&l, 9);
	for (int f = 0; f < 2; f++) {
		size_t n, n_loaded = 0;
		unsigned char *bytes = encode_layers(state, &l, formats[f], SYNCBN_STATE_TORCH, &n);

		for (size_t bit = 0; bit < 8 * n; bit++) {
			bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_true(is_all_or_nothing(bytes, n, &n_loaded));
			bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		/* the data of one format has no checksum, the other's directory has spare fields */
		assert_true(n_loaded > 0 && n_loaded < 4 * n);
		free(bytes);
	}
}

static void
test_files_of_other_kinds_are_named_as_such(void **state)
{
	static const char *const kinds[] = { "",
					     "P",
					     "PK",
					     "PK\3\4",
					     "\x93NUMPY\1",
					     "\x80\2}q",
					     "{\"a\": 1}",
					     "GIF89a, no state at all" };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_refused(kinds[i], strlen(kinds[i]), 0,
			       "neither a safetensors nor a .npz file");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_more_bytes_at_the_end_are_no_part_of_a_safetensors_file),
		cmocka_unit_test(test_every_flipped_bit_is_all_or_nothing),
		cmocka_unit_test(test_files_of_other_kinds_are_named_as_such),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

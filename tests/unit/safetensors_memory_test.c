/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile headers: what the parser allocates for them, counted, stays within the bound. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "state/archive.h"
#include "state/safetensors_header.h"
#include "unit/state_files.h"

enum { MAX = SBN_SAFETENSORS_MAX_HEADER, BEFORE_A_BLOCK = sizeof(size_t) };

static size_t allocated, most_allocated;

static void *
count_malloc(size_t n)
{
	void *memory = malloc(n);

	allocated += malloc_usable_size(memory) + BEFORE_A_BLOCK;
	if (allocated > most_allocated)
		most_allocated = allocated;
	return memory;
}

static void
count_free(void *memory)
{
	if (memory != NULL)
		allocated -= malloc_usable_size(memory) + BEFORE_A_BLOCK;
	free(memory);
}

/* A file that is written a piece of text at a time; its header begins at byte 8. */
struct text {
	char *bytes;
	size_t n;
	FILE *stream;
};

static void
begin(struct text *text)
{
	text->stream = open_memstream(&text->bytes, &text->n);
	assert_non_null(text->stream);
	fwrite("........", 1, 8, text->stream);
}

static size_t
header_bytes(struct text *text)
{
	fflush(text->stream);
	return text->n - 8;
}

/* As often as it fits into max bytes. */
static void
repeat(struct text *text, const char *piece, size_t max)
{
	for (size_t n = header_bytes(text); n + strlen(piece) <= max; n += strlen(piece))
		fputs(piece, text->stream);
}

static void
end(struct text *text, size_t data_bytes)
{
	uint64_t length = header_bytes(text);

	for (size_t i = 0; i < data_bytes; i++)
		fputc(0, text->stream);
	assert_int_equal(fclose(text->stream), 0);
	memcpy(text->bytes, &length, 8);
}

/* Refused with PARTIAL; gives what the parser allocated at most. */
static size_t
refuse(struct text *text, const char *words)
{
	end(text, 0);
	most_allocated = allocated;
	assert_refused(text->bytes, text->n, SYNCBN_STATE_PARTIAL, words);
	free(text->bytes);
	return most_allocated;
}

/* {"a":[PIECE PIECE ... 0]} */
static size_t
refuse_list_of(const char *piece, const char *words)
{
	struct text text;

	begin(&text);
	fputs("{\"a\":[", text.stream);
	repeat(&text, piece, MAX - 3);
	fputs("0]}", text.stream);
	return refuse(&text, words);
}

static void
test_what_would_grow_most_is_not_parsed(void **state)
{
	static const char *const pieces[] = { "{},", "[],", "[[]],", "{\"\":{}},", "{},[]," };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		assert_int_equal(refuse_list_of(pieces[i], "more objects or lists"), 0);
}

static void
test_what_is_parsed_stays_within_the_bound(void **state)
{
	static const char *const pieces[] = { "0,", "\"\",", "null,", "0.5,", "\"{[\"," };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t most = refuse_list_of(pieces[i], "does not have just dtype");

		assert_in_range(most, MAX, (size_t)SBN_SAFETENSORS_MAX_GROWTH * MAX);
	}
}

/* As many objects and lists as pass, and the rest of what grows most beside them. */
static void
test_the_worst_mixture_stays_within_the_bound(void **state)
{
	enum { ARRAYS = MAX / 48 };
	struct text text;
	size_t most;

	(void)state;
	begin(&text);
	fputs("{\"a\":[", text.stream);
	for (int i = 0; i < ARRAYS; i++)
		fputs("{},[],", text.stream);
	for (int i = 0; i < ARRAYS - 1; i++)
		fputs("[],", text.stream);
	repeat(&text, "\"\",", MAX - 3);
	fputs("0]}", text.stream);
	most = refuse(&text, "does not have just dtype");
	assert_in_range(most, (size_t)20 * MAX, (size_t)SBN_SAFETENSORS_MAX_GROWTH * MAX);
}

/* Also where every key and value is the shortest that is not there twice. */
static void
test_keys_stay_within_the_bound(void **state)
{
	static const char *const formats[] = { "\"%x\":0,", "\"%x\":\"\"," };

	(void)state;
	for (int f = 0; f < 2; f++) {
		struct text text;

		begin(&text);
		fputc('{', text.stream);
		for (unsigned i = 0; header_bytes(&text) < MAX - 32; i++)
			fprintf(text.stream, formats[f], i);
		fputs("\"z\":{}}", text.stream);
		assert_in_range(refuse(&text, "does not have just dtype"), MAX,
				(size_t)SBN_SAFETENSORS_MAX_GROWTH * MAX);
	}
}

static void
test_a_longer_header_is_not_parsed(void **state)
{
	struct text text;

	(void)state;
	begin(&text);
	fputs("{}", text.stream);
	repeat(&text, " ", MAX + 1);
	assert_int_equal(refuse(&text, "longer than 8388608"), 0);
}

/* The layers' own arrays, from bytes that encode_layers made, and n_others beside them. */
static void
begin_model(void **state, struct text *text, int n_others, const char *format)
{
	struct state_layers l;
	uint64_t own_bytes;
	size_t n, data_bytes;
	unsigned char *own;

	make_layers(&l, 9);
	own = encode_layers(state, &l, SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_TORCH, &n);
	memcpy(&own_bytes, own, 8);
	data_bytes = n - 8 - own_bytes;
	while (own[8 + own_bytes - 1] != '}')
		own_bytes--;
	begin(text);
	fwrite(own + 8, 1, own_bytes - 1, text->stream);
	for (int i = 0; i < n_others; i++)
		fprintf(text->stream, format, i, data_bytes, data_bytes);
	fputs("}", text->stream);
	n = n - data_bytes;
	end(text, data_bytes);
	memcpy(text->bytes + text->n - data_bytes, own + n, data_bytes);
	free(own);
}

static void
assert_loads(struct text *text)
{
	struct state_layers into, saved;
	syncbn_status_t status;

	make_layers(&into, 50);
	make_layers(&saved, 9);
	status = sbn_state_decode(text->bytes, text->n, into.layer, N_LAYERS, SYNCBN_STATE_PARTIAL);
	if (status != SYNCBN_OK)
		fail_msg("%s", sbn_last_error());
	assert_true(same_layers(&into, &saved));
	free(text->bytes);
}

static void
test_whole_models_still_load(void **state)
{
	struct text text;

	begin_model(state, &text, 60000,
		    ",\"backbone.stages.3.blocks.%d.convolution.depthwise.weight\":{"
		    "\"dtype\":\"F32\",\"shape\":[0,64,3,3],\"data_offsets\":[%zu,%zu]}");
	assert_loads(&text);
}

/* The bound counts just what the shortest array has; a name's braces are no objects. */
static void
test_the_shortest_arrays_still_load(void **state)
{
	struct text text;

	begin_model(state, &text, 60000,
		    ",\"%x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[%zu,%zu]}");
	assert_loads(&text);
	begin_model(state, &text, 6000,
		    ",\"{[{[{[\\\"{[{[{[%x\":{\"dtype\":\"U8\",\"shape\":[0],"
		    "\"data_offsets\":[%zu,%zu]}");
	assert_loads(&text);
}

static void
test_what_could_not_be_read_again_is_not_written(void **state)
{
	static const float w = 1;
	char *name = malloc(MAX + 1);
	struct sbn_archive_item item = { name, { SBN_NPY_F32, 1, { 1 }, &w, 4 }, false };
	struct sbn_archive_bytes bytes;

	(void)state;
	memset(name, 'w', MAX);
	name[MAX] = '\0';
	assert_int_equal(sbn_safetensors.write(&item, 1, &bytes), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "several files"));
	free(name);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_would_grow_most_is_not_parsed),
		cmocka_unit_test(test_what_is_parsed_stays_within_the_bound),
		cmocka_unit_test(test_the_worst_mixture_stays_within_the_bound),
		cmocka_unit_test(test_keys_stay_within_the_bound),
		cmocka_unit_test(test_a_longer_header_is_not_parsed),
		cmocka_unit_test(test_whole_models_still_load),
		cmocka_unit_test(test_the_shortest_arrays_still_load),
		cmocka_unit_test(test_what_could_not_be_read_again_is_not_written),
	};

	json_set_alloc_funcs(count_malloc, count_free);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

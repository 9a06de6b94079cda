/* SPDX-License-Identifier: Apache-2.0 */
#include "state/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"

enum { MAGIC_BYTES = 8, ALIGN = 64 };

static const struct {
	char descr[4]; /* numpy's word */
	const char *name;
	size_t bytes;
} types[] = {
	[SBN_NPY_OTHER] = { "", "another type", 0 }, [SBN_NPY_F16] = { "<f2", "float16", 2 },
	[SBN_NPY_F32] = { "<f4", "float32", 4 },     [SBN_NPY_F64] = { "<f8", "float64", 8 },
	[SBN_NPY_I64] = { "<i8", "int64", 8 },       [SBN_NPY_U16] = { "<u2", "uint16", 2 },
};

enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

/* What is left of the header: a Python dict literal. */
struct cursor {
	const char *at, *end;
};

size_t
sbn_npy_item_bytes(enum sbn_npy_type type)
{
	return types[type].bytes;
}

const char *
sbn_npy_type_name(enum sbn_npy_type type)
{
	return types[type].name;
}

static void
skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\n'))
		c->at++;
}

static bool
take(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(c);
	if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

/* A string; escapes are not resolved, as none of the words that are known needs one. */
static bool
take_string(struct cursor *c, struct cursor *text)
{
	const char *quote;

	if (!take(c, "'") && !take(c, "\""))
		return false;
	quote = memchr(c->at, c->at[-1], (size_t)(c->end - c->at));
	if (quote == NULL)
		return false;
	*text = (struct cursor){ c->at, quote };
	c->at = quote + 1;
	return true;
}

static bool
is_word(const struct cursor *text, const char *word)
{
	size_t n = (size_t)(text->end - text->at);

	return n == strlen(word) && memcmp(text->at, word, n) == 0;
}

static bool
take_size(struct cursor *c, size_t *out)
{
	const char *begin;
	size_t value = 0;

	skip_blanks(c);
	begin = c->at;
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
		if (__builtin_mul_overflow(value, (size_t)10, &value) ||
		    __builtin_add_overflow(value, (size_t)(*c->at - '0'), &value))
			return false;
		c->at++;
	}
	*out = value;
	return c->at > begin;
}

/* A tuple: (), (3,), (3, 4). */
static const char *
take_shape(struct cursor *c, struct sbn_npy *out)
{
	bool comma = true;

	if (!take(c, "("))
		return "its shape is no tuple";
	out->ndim = 0;
	while (!take(c, ")")) {
		if (out->ndim == SBN_NPY_DIMS)
			return "it has more than 8 dimensions";
		if (!comma || !take_size(c, &out->shape[out->ndim++]))
			return "its shape is malformed";
		comma = take(c, ",");
	}
	/* (3) is a number to Python */
	return out->ndim == 1 && !comma ? "its shape is no tuple" : NULL;
}

static const char *
take_descr(struct cursor *c, struct sbn_npy *out)
{
	struct cursor text;

	if (!take_string(c, &text))
		return "its descr is no string: arrays of records are not read";
	for (int i = SBN_NPY_F16; i < N_TYPES; i++) {
		if (is_word(&text, types[i].descr)) {
			out->type = (enum sbn_npy_type)i;
			return NULL;
		}
	}
	return "its descr is none of <f2, <f4, <f8, <i8, <u2";
}

/* One "key: value"; *seen has a bit for each key. */
static const char *
take_pair(struct cursor *c, struct sbn_npy *out, unsigned *seen)
{
	static const char *const keys[] = { "descr", "fortran_order", "shape" };
	struct cursor key;
	unsigned i = 0;

	if (!take_string(c, &key) || !take(c, ":"))
		return "its header is no dict of Python";
	while (i < 3 && !is_word(&key, keys[i]))
		i++;
	if (i == 3 || *seen & 1u << i)
		return "its header has an unknown key, or one twice";
	*seen |= 1u << i;
	if (i == 0)
		return take_descr(c, out);
	if (i == 2)
		return take_shape(c, out);
	return take(c, "False") ? NULL : "its fortran_order is not False: only C order is read";
}

static const char *
take_dict(struct cursor *c, struct sbn_npy *out)
{
	const char *wrong = NULL;
	unsigned seen = 0;
	bool comma = true;

	if (!take(c, "{"))
		return "its header is no dict of Python";
	while (wrong == NULL && !take(c, "}")) {
		if (!comma)
			return "its header is no dict of Python";
		wrong = take_pair(c, out, &seen);
		comma = take(c, ",");
	}
	if (wrong != NULL)
		return wrong;
	if (seen != 7)
		return "its header lacks descr, fortran_order or shape";
	skip_blanks(c);
	return c->at == c->end && c->end[-1] == '\n' ? NULL :
						       "its header does not end as it should";
}

/* Where the header's dict lies; *at: where it ends. */
static const char *
find_dict(const unsigned char *bytes, size_t n, struct cursor *dict)
{
	size_t begin, length;

	if (n < MAGIC_BYTES || memcmp(bytes, "\x93NUMPY", 6) != 0)
		return "it does not begin as a .npy file does";
	if ((bytes[6] != 1 && bytes[6] != 2) || bytes[7] != 0)
		return "it is of a version other than 1.0 and 2.0";
	begin = bytes[6] == 1 ? MAGIC_BYTES + 2 : MAGIC_BYTES + 4;
	if (n < begin)
		return "its header is cut off";
	length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
	if (bytes[6] == 2)
		length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (length > n - begin)
		return "its header is cut off";
	dict->at = (const char *)bytes + begin;
	dict->end = dict->at + length;
	return NULL;
}

static bool
size_of(struct sbn_npy *array)
{
	array->bytes = types[array->type].bytes;
	for (int i = 0; i < array->ndim; i++)
		if (__builtin_mul_overflow(array->bytes, array->shape[i], &array->bytes))
			return false;
	return true;
}

syncbn_status_t
sbn_npy_parse(const void *bytes, size_t n, const char *what, struct sbn_npy *out)
{
	struct sbn_npy array = { .type = SBN_NPY_OTHER };
	struct cursor dict = { 0 };
	const char *wrong = find_dict(bytes, n, &dict);
	size_t there;

	if (wrong == NULL)
		wrong = take_dict(&dict, &array);
	if (wrong == NULL && !size_of(&array))
		wrong = "its shape overflows";
	if (wrong != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: %s", what, wrong);
	there = n - (size_t)(dict.end - (const char *)bytes);
	if (array.bytes != there)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: its data has %zu bytes, not %zu", what,
				there, array.bytes);
	array.data = dict.end;
	*out = array;
	return SYNCBN_OK;
}

size_t
sbn_npy_write_header(const struct sbn_npy *array, char header[SBN_NPY_HEADER_BYTES])
{
	size_t used = MAGIC_BYTES + 2, end;

	used += (size_t)sprintf(header + used, "{'descr': '%s', 'fortran_order': False, 'shape': (",
				types[array->type].descr);
	for (int i = 0; i < array->ndim; i++)
		used += (size_t)sprintf(header + used, i == 0 ? "%zu," : " %zu,", array->shape[i]);
	if (array->ndim > 1)
		used--; /* numpy's spelling: (3,) but (3, 4) */
	used += (size_t)sprintf(header + used, "), }");
	end = (size_t)sbn_align_up(used + 1, ALIGN);
	memset(header + used, ' ', end - 1 - used);
	header[end - 1] = '\n';
	used = end - (MAGIC_BYTES + 2);
	memcpy(header, "\x93NUMPY\x01", MAGIC_BYTES);
	header[8] = (char)(used & 0xff);
	header[9] = (char)(used >> 8);
	return end;
}

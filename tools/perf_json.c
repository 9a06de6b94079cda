/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_json.h"

#include <inttypes.h>
#include <math.h>

static void
put_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char letter = (unsigned char)*text;

		if (letter == '"' || letter == '\\')
			fprintf(out, "\\%c", letter);
		else if (letter < 0x20)
			fprintf(out, "\\u%04x", letter);
		else
			putc(letter, out);
	}
	putc('"', out);
}

static void
begin_line(struct perf_json *json)
{
	putc('\n', json->out);
	for (int i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

static void
begin_member(struct perf_json *json, const char *name)
{
	if (json->has_member)
		putc(',', json->out);
	if (json->depth > 0)
		begin_line(json);
	if (name != NULL) {
		put_text(json->out, name);
		fputs(": ", json->out);
	}
	json->has_member = true;
}

void
perf_json_open(struct perf_json *json, const char *name, char bracket)
{
	begin_member(json, name);
	putc(bracket, json->out);
	json->depth++;
	json->has_member = false;
}

void
perf_json_close(struct perf_json *json, char bracket)
{
	json->depth--;
	if (json->has_member)
		begin_line(json);
	putc(bracket == '{' ? '}' : ']', json->out);
	json->has_member = true;
	if (json->depth == 0)
		putc('\n', json->out);
}

void
perf_json_text(struct perf_json *json, const char *name, const char *text)
{
	begin_member(json, name);
	put_text(json->out, text);
}

void
perf_json_count(struct perf_json *json, const char *name, uint64_t count)
{
	begin_member(json, name);
	fprintf(json->out, "%" PRIu64, count);
}

void
perf_json_number(struct perf_json *json, const char *name, double number)
{
	begin_member(json, name);
	if (isfinite(number))
		fprintf(json->out, "%.9g", number);
	else
		fputs("null", json->out);
}

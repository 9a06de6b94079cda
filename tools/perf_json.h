/* SPDX-License-Identifier: Apache-2.0 */
/* A small writer of JSON: objects and lists within each other, one member a line. */
#ifndef SYNCBN_PERF_JSON_H
#define SYNCBN_PERF_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct perf_json {
	FILE *out;
	int depth;
	bool has_member; /* the present object or list has one already */
};

/* name NULL: an element of a list, or the whole. bracket: '{' or '['. */
void perf_json_open(struct perf_json *json, const char *name, char bracket);
void perf_json_close(struct perf_json *json, char bracket);

void perf_json_text(struct perf_json *json, const char *name, const char *text);
void perf_json_count(struct perf_json *json, const char *name, uint64_t count);

/* What is not finite is null: JSON has no word for it. */
void perf_json_number(struct perf_json *json, const char *name, double number);

#endif

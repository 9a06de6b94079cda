/* SPDX-License-Identifier: Apache-2.0 */
/* A command line of syncbn-perf, read by a table of its options. */
#ifndef SYNCBN_PERF_ARGS_H
#define SYNCBN_PERF_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>
#include <syncbn/tensor.h>

struct perf_arg {
	const char *name;
	bool is_flag; /* takes no value */
	syncbn_status_t (*take)(void *context, const char *name, const char *text);
};

/*
 * argv[0] is the command. "--name value", "--name=value", "-b 4K" or "-b4K". INVALID: the detail
 * names the option and offers the nearest word. given: NULL, or [n] of false, of which those that
 * are there become true.
 */
syncbn_status_t perf_args_parse(int argc, char **argv, const struct perf_arg *args, size_t n,
				void *context, bool *given);

/* Values of options. */
syncbn_status_t perf_arg_count(const char *name, const char *text, int64_t min, int64_t max,
			       uint64_t *out);
syncbn_status_t perf_arg_choice(const char *name, const char *text, const char *const *words,
				size_t n, int *out);
/* In the order of the public enum, which begins at 1: f32, ..., and float32, ... */
enum perf_spelling { PERF_SHORT, PERF_LONG, PERF_SPELLINGS };
const char *perf_arg_dtype_name(syncbn_dtype_t dtype, enum perf_spelling spelling);

/* Either spelling of one of the first n_types. */
syncbn_status_t perf_arg_dtype(const char *name, const char *text, size_t n_types,
			       syncbn_dtype_t *out);
syncbn_status_t perf_arg_file(const char *name, const char *text, const char **out);

#endif

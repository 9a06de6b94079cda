/* SPDX-License-Identifier: Apache-2.0 */
/* What all tables have in common. */
#ifndef SYNCBN_PERF_PRINT_H
#define SYNCBN_PERF_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "perf_machine.h"
#include "perf_stats.h"

struct perf_peer_result {
	bool there;
	struct perf_stats us;
	uint64_t wrong;
};

/*
 * The lines below a table's first: CPU, ranks, how far they are from each other, what the
 * environment sets. n_threads: of each rank.
 */
void perf_print_machine(const struct perf_machine *machine, uint32_t n_ranks, int n_threads);

/* Four digits that count, as far as they fit in 10 columns. */
void perf_print_us(double us);

/*
 * Of the peers that take part, there and peers [PERF_PEERS], the columns' names, and a row: a
 * peer's time, and by how much it is above own_us.
 */
void perf_print_peer_names(const bool *there);
void perf_print_peers(const bool *there, double own_us, const struct perf_peer_result *peers);

enum { PERF_PLACE_BYTES = 48 };

/*
 * Tells of wrong values in a row, on standard error: "line 3" is its place. Returns whether ours
 * are right; a peer's are its own affair.
 */
bool perf_print_wrong(const char *place, uint64_t wrong, const struct perf_peer_result *peers);

#endif

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ring, barrier and sleeping under relacy: it runs them in many orders, lets loads see old values as
# far as the orders allow, and knows races, and threads that wait for ever. Planted faults must be
# found.
#
# The ring and the barrier are the C sources. Relacy's atomics are C++98 templates that take an
# order together with its place in the source, so copies are made with other types and orders; else
# they compile as they stand. Waiting calls the system: its steps are written again in sleeping.cc.
set -u
here=$(cd "$(dirname "$0")" && pwd)
SRC=${SRC:-$(cd "$here/../.." && pwd)}
cxx="${CXX:-g++} -std=gnu++98 -fpermissive -w -O1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! echo '#include <relacy/relacy_std.hpp>' | $cxx -x c++ -fsyntax-only - 2>/dev/null; then
	echo "skip: no relacy for ${CXX:-g++} (Debian: apt-get install g++ relacy-dev)"
	exit 77
fi
failed=0

# run SOURCE OPTION...
run() {
	local source=$1 status=0
	shift

	if ! $cxx "$@" -I"$work" -I"$SRC/src" -o "$work/program" "$here/$source"; then
		echo "FAIL $source: it does not compile"
		failed=1
		return
	fi
	timeout 120 "$work/program" >"$work/log" || status=$?
	grep -aE '^(ok|FAIL) ' "$work/log"
	[ "$status" != 0 ] || return
	tail -n 40 "$work/log"
	failed=1
}

mkdir "$work/sync"
for file in ring.h ring.c barrier.h; do
	sed -E 's/_Atomic (uint64_t)/rl::atomic<\1>/; s/\bmemory_order_/rl::&/g; /<stdatomic.h>/d' \
		"$SRC/src/sync/$file" >"$work/sync/$file"
done
run sources.cc
run sources.cc -DRELAXED -DSBN_RING_RELEASE=rl::memory_order_relaxed \
	-DSBN_BARRIER_RELEASE=rl::memory_order_relaxed
run sleeping.cc
exit $failed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ring, barrier and sleeping under relacy's weak memory, and planted faults that it must find.
#
# The steps are written again in exchange.cc. The C sources cannot be put under relacy: its atomics
# are C++98 templates with constructors and shadow state, so a word has not its size, a line is no
# line of 128 bytes, and memory that is mapped and cast to lanes holds no constructed objects; it
# takes each order together with its place in the source, as two arguments, where C has one; it sees
# plain memory only through its own type, so items and headers would go unchecked; and C++98 has not
# the compound literals with named fields in any order, which the sources use. With the types and
# orders replaced by sed ring.c's functions compile, but those that fill structs do not.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cxx=${CXX:-g++}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! echo '#include <relacy/relacy_std.hpp>' |
	$cxx -std=gnu++98 -fpermissive -w -x c++ -fsyntax-only - 2>/dev/null; then
	echo "skip: no relacy for $cxx (Debian: apt-get install g++ relacy-dev)"
	exit 77
fi
$cxx -std=gnu++98 -fpermissive -w -O1 -o "$work/exchange" "$here/exchange.cc" || exit 1
timeout 120 "$work/exchange" >"$work/log"
status=$?
grep -E '^(ok|FAIL) ' "$work/log"
[ "$status" = 0 ] || tail -n 40 "$work/log"
exit "$status"

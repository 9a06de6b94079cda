#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The smallest example: alone, and over ranks, which must print the same statistics.
set -u
. "$SRC/tests/guard/report.sh"

run=$BUILD/tools/syncbn-run
smallest=$BUILD/examples/smallest

# what every rank prints, without its number
words() {
	sed 's/^rank [0-9]* of //' | sort -u
}

out=$("$smallest" 2>&1) || out="exit $?: $out"
case $out in
"rank 0 of 1: mean "*" over 256 samples, dgamma "*) found= ;;
*) found=$out ;;
esac
report "alone" "$found"

for n in 2 3; do
	out=$("$run" -n $n --oversubscribe -- "$smallest" 2>&1 | grep -v '^syncbn-run: ')
	found=
	[ "$(printf '%s\n' "$out" | wc -l)" = $n ] || found=$out
	[ "$(printf '%s\n' "$out" | words | wc -l)" = 1 ] || found=$out
	report "${n}_ranks_agree" "$found"
done
exit "$failed"

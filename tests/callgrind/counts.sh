#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The instructions of batch norms in the scalar and AVX2 kernels, as callgrind counts them, against
# those recorded in counts.txt: within 3 %. A noisy machine changes none of them.
#
#	counts.sh		the test
#	counts.sh --record	writes counts.txt anew ("make record-counts")
set -u
: "${BUILD:?the build directory}" "${SRC:?the source directory}" "${CC:?the compiler}"
recorded=$SRC/tests/callgrind/counts.txt
program=$BUILD/tests/callgrind/layer_counts
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

skip() {
	echo "skipped: $1"
	exit 77
}

# What decides the instructions beside the sources.
compiler() {
	echo "# compiler: $($CC --version | head -n 1)"
	echo "# flags: ${CFLAGS:-}"
}

# count ISA STORES: a line "ISA/STORES/CASE COUNT" a case
count() {
	local n=0 name

	SYNCBN_ISA=$1 SYNCBN_STORES=$2 SYNCBN_CALIBRATE=off valgrind --tool=callgrind \
		--toggle-collect=counted_call --dump-after=counted_call \
		--callgrind-out-file="$dir/$1.$2" "$program" >"$dir/names" 2>"$dir/err" || {
		cat "$dir/err" >&2
		return 1
	}
	while IFS= read -r name; do
		n=$((n + 1))
		echo "$1/$2/$name $(sed -n 's/^totals: //p' "$dir/$1.$2.$n")"
	done <"$dir/names"
}

count_all() {
	local isa

	compiler
	for isa in scalar avx2; do
		count $isa ordinary && count $isa streaming || return 1
	done
}

# compare: ok or FAIL for each case of $recorded and of $dir/now
compare() {
	awk '
	/^#/ { next }
	NR == FNR { recorded[$1] = $2; next }
	{
		off = $1 in recorded ? 100 * ($2 / recorded[$1] - 1) : 100
		if (!($1 in recorded))
			why = "is not recorded"
		else if (off > 3 || off < -3)
			why = sprintf("takes %d instructions instead of %d (%+.1f %%)", $2,
				recorded[$1], off)
		else {
			print "ok " $1
			delete recorded[$1]
			next
		}
		print "FAIL " $1 " " why
		failed = 1
		delete recorded[$1]
	}
	END {
		for (name in recorded) {
			print "FAIL " name " is recorded and was not counted"
			failed = 1
		}
		if (failed)
			print "make record-counts records them anew, if that is meant to be so"
		exit failed
	}' "$recorded" "$dir/now"
}

command -v valgrind >/dev/null || skip "valgrind is missing (Debian: valgrind)"
[ -z "${SBN_SANITIZE:-}" ] || skip "a sanitizer's build has other instructions"
[ "$(uname -m)" = x86_64 ] || skip "not an x86"
grep -qw avx2 /proc/cpuinfo || skip "this CPU has no AVX2"
if [ "${1:-}" = --record ]; then
	count_all >"$dir/now" && cp "$dir/now" "$recorded"
	exit
fi
compiler >"$dir/compiler"
grep '^#' "$recorded" | cmp -s - "$dir/compiler" ||
	skip "recorded with another compiler or flags: $(grep '^#' "$recorded" | tr '\n' ' ')"
count_all >"$dir/now" || exit 1
compare

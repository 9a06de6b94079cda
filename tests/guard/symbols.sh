#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three lists are one: the functions of the public headers, of the version script, and of the
# shared library.
set -euo pipefail
. "$SRC/tests/guard/report.sh"
export LC_ALL=C

# The functions that the headers declare; static inline ones are the caller's own.
declared() {
	# shellcheck disable=SC2086 # CC may be words
	$CC -E -P -I"$SRC/include" "$SRC/include/syncbn/syncbn.h" | tr '\n' ' ' |
		sed -E 's/static inline [a-z_0-9]+ \**syncbn_[a-z_0-9]+\(/(/g' |
		grep -oE 'syncbn_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u
}

listed() {
	sed -nE 's/^\t(syncbn_[a-z0-9_]+);$/\1/p' "$SRC/src/libsyncbn.map" | sort -u
}

exported() {
	$NM -D --defined-only "$BUILD/.libs/libsyncbn.so" |
		awk '$2 != "A" { sub("@.*", "", $3); print $3 }' | sort -u
}

# Every declaration has its comment right above it, or shares its neighbour's.
without_comment() {
	awk 'BEGIN { RS = "" }
	/\n[a-z][^\n;{]*syncbn_[a-z0-9_]+\([^;{]*;/ || /^[a-z][^\n;{]*syncbn_[a-z0-9_]+\([^;{]*;/ {
		if ($0 !~ /\*\// && $0 !~ /^typedef/)
			print FILENAME ": " $0
	}' "$SRC"/include/syncbn/*.h
}

report "at least the library's core is declared" \
	"$(declared | grep -qx syncbn_init || echo "syncbn_init was not found in the headers")"
report "the version script lists exactly the declared functions" \
	"$(diff <(declared) <(listed) | grep '^[<>]' || true)"
report "the library exports exactly the functions of the version script" \
	"$(diff <(listed) <(exported) | grep '^[<>]' || true)"
report "every public function has a comment" "$(without_comment)"
exit $failed

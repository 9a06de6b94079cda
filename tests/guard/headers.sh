#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header alone is clean C99, C11, C++11 and C++17; a C++ program builds and runs.
set -euo pipefail
. "$SRC/tests/guard/report.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile STANDARD LANGUAGE HEADER...: what the compiler says
compile() {
	local standard=$1 language=$2 compiler=$CC header
	shift 2

	[ "$language" = c ] || compiler=$CXX
	for header in "$@"; do
		# twice, for the include guard
		printf '#include <syncbn/%s>\n#include <syncbn/%s>\nextern int one_declaration;\n' \
			"${header##*/}" "${header##*/}" >"$work/alone"
		# shellcheck disable=SC2086 # a compiler may be words
		$compiler -x "$language" -std="$standard" -pedantic -Wall -Wextra -Werror \
			-fsyntax-only -I"$SRC/include" "$work/alone" 2>&1 || true
	done
}

# build_and_run STANDARD: what the compiler or the program says
build_and_run() {
	# shellcheck disable=SC2086 # a compiler may be words
	$CXX -std="$1" -pedantic -Wall -Wextra -Werror $SBN_SANITIZE -I"$SRC/include" \
		"$SRC/tests/guard/cplusplus.cc" -o "$work/cplusplus" \
		-L"$BUILD/.libs" -Wl,-rpath,"$BUILD/.libs" -lsyncbn 2>&1 || return 0
	"$work/cplusplus" 2>&1 || echo "exit status $?"
}

for standard in c99 c11; do
	report "each header alone is $standard" "$(compile $standard c "$SRC"/include/syncbn/*.h)"
done
for standard in c++11 c++17; do
	if ! command -v "${CXX%% *}" >/dev/null; then
		echo "skip $standard: no C++ compiler"
		continue
	fi
	report "each header alone is $standard" "$(compile $standard c++ "$SRC"/include/syncbn/*.h)"
	report "a $standard program normalizes in a world of one" "$(build_and_run $standard)"
done
exit $failed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tally.sh BUILD_DIR: counts the single tests of the last run in BUILD_DIR, from what cmocka and
# the shell tests print. Names failed and skipped ones; ends with "N passed, N failed, N skipped".
set -euo pipefail
cd "$1"

# count LOG: prints "passed failed skipped"
count() {
	awk '
	/\(exit status: [0-9]+\)$/ { next }	# the harness adds this line
	/^\[  PASSED  \] [0-9]+ test\(s\)/ { passed += $4 }
	/^\[  FAILED  \] [0-9]+ test\(s\)/ { failed += $4 }
	/^\[  SKIPPED \] [0-9]+ test\(s\)/ { skipped += $4 }
	/^ok / { passed++ }
	/^FAIL / { failed++ }
	/^(skip|skipped|SKIP)[: ]/ { skipped++ }
	END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

reason() {
	grep -v '(exit status: 77)$' "$1" | grep . | tail -n 1 |
		sed -E 's/^(skip|skipped|SKIP)[: ]+//' || echo "no reason given"
}

# The failures that a log names, with cmocka's reason or the lines under them; the log's last words
# where it names none.
failures() {
	LC_ALL=C awk '
	/\(exit status: [0-9]+\)$/ { next }	# the harness adds this line
	/^FAIL / || /^\[(  ERROR   |   LINE   |  FAILED  )\] [^0-9]/ {
		named = under = 1
		if (!seen[$0]++)
			print
		next
	}
	under && /^\t/ && under++ < 20 { print; next }
	{ under = 0 }
	END { exit !named }' "$1" || grep -av '(exit status' "$1" | tail -n 5
}

passed=0 failed=0 skipped=0
while IFS= read -r trs; do
	test=${trs%.trs}
	result=$(sed -n 's/^:global-test-result: //p' "$trs")
	read -r p f s <<<"$(count "$test.log")"
	case $result in
	PASS | XFAIL)
		[ $((p + f + s)) != 0 ] || p=1
		[ "$s" = 0 ] || sed -nE "s#^(skip|skipped|SKIP)[: ]+#skipped $test: #p" "$test.log"
		;;
	SKIP)
		echo "skipped $test: $(reason "$test.log")"
		[ "$s" != 0 ] || s=1
		;;
	*)
		echo "failed $test: see $PWD/$test.log"
		failures "$test.log"
		[ "$f" != 0 ] || f=1	# it crashed
		;;
	esac
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done < <(find tests -name '*.trs' | LC_ALL=C sort)
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"

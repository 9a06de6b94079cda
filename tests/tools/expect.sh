# shellcheck shell=sh disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# For tests in any shell: `expect` tells of one comparison, and sets `failed`.
failed=0

# expect NAME EXPECTED ACTUAL
expect() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "FAIL $1: expected \"$2\", got \"$3\""
		failed=1
	fi
}

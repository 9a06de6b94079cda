# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For the guards: report NAME FINDINGS prints ok, or FAIL and the findings; `exit $failed` ends.
# shellcheck disable=SC2034 # the guards use it
failed=0

report() {
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		echo "FAIL $1"
		printf '%s\n' "$2" | sed 's/^/  /'
		# shellcheck disable=SC2034
		failed=1
	fi
}

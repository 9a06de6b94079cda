#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the tables of doc/reliability.md anew, from a run of all faults (about four minutes):
#	BUILD=build SRC=. tests/faults/table.sh		or: make -C build faults-table
set -euo pipefail
: "${BUILD:?the build directory}" "${SRC:?the source directory}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SYNCBN_CALIBRATE=off
bash "$SRC/tests/faults/matrix.sh" >"$work/matrix"
bash "$SRC/tests/faults/others.sh" >"$work/others"

{
	awk '
	$1 == "row" && !($2 in seen) { seen[$2]; order[++n] = $2 }
	$1 == "row" { ms[$2, $3] = $5; cases += $4 }
	END {
		split("exit segv kill memory loop stop", fault)
		print "| phase | exit 3 | SIGSEGV | SIGKILL | out of memory " \
			"| endless loop | SIGSTOP |"
		print "|---|---|---|---|---|---|---|"
		for (i = 1; i <= n; i++) {
			printf "| %s |", order[i]
			for (j = 1; j <= 6; j++)
				printf " %s |", ms[order[i], fault[j]]
			print ""
		}
		printf "\n%d cases, processes and names left: 0.\n", cases
	}' "$work/matrix"
	printf '\n| fault | ms | left |\n|---|---|---|\n'
	sed -n 's/^row \(.*\)|\(.*\)/| \1 | \2 | 0 |/p' "$work/others"
} >"$work/tables"

sed -i -e "/^<!-- tables -->\$/,/^<!-- end of tables -->\$/{
/^<!-- tables -->\$/r $work/tables
/^<!-- /!d
}" "$SRC/doc/reliability.md"

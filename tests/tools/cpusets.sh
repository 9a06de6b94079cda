# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For tests of --json: the sets of CPUs in it.

# json_cpus: each CPU number of each cpuset, one a line
json_cpus() {
	grep -o '"cpuset": "[^"]*"' | cut -d'"' -f4 | tr ',' '\n' |
		awk -F- '{ for (cpu = $1; cpu <= $NF; cpu++) print cpu }'
}

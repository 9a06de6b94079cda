#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf: what `env` shows, and what is refused.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf

"$perf" env >"$dir/out" 2>"$dir/err"
expect "env runs" 0 $?
for line in system CPU topology '  domain 0' 'page size' 'huge pages' /dev/shm 'NUMA balancing' \
	clock 'CPU features' kernels; do
	expect_match "env shows $line" "^$line  *[^ ]" "$dir/out"
done

SYNCBN_ISA=scalar "$perf" env >"$dir/out" 2>"$dir/err"
expect_match "the caller's instruction set is shown" '^kernels +scalar ' "$dir/out"

"$perf" --help >"$dir/out" 2>"$dir/err"
expect "help is no error" 0 $?
expect_match "help names env" '^  env ' "$dir/out"

# refused PATTERN ARGS...
refused() {
	local pattern=$1

	shift
	"$perf" "$@" >"$dir/out" 2>"$dir/err"
	expect "refused: $*" 2 $?
	expect_match "the reason: $*" "^syncbn-perf: .*$pattern" "$dir/err"
}

refused 'a command is missing'
refused 'did you mean env' enw
refused 'did you mean barrier' barier
refused 'env takes no option' env --all
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the ranks expand them
# Ranks that another launcher started are adopted: they meet, keep their placement and become the
# program. Torchrun's part is played by this script, as it needs nothing but variables.
. "$SRC/tests/tools/run_common.sh"

tell='echo "$RANK of $WORLD_SIZE run $SYNCBN_RUN_ID fd $([ -e /proc/self/fd/$SYNCBN_SEGMENT_FD ]
	echo $?) on $(grep Cpus_allowed_list /proc/self/status | cut -f2)"'

# as_torchrun RANK WORLD_SIZE COMMAND...
as_torchrun() {
	local rank=$1 world=$2

	shift 2
	mark env RANK="$rank" LOCAL_RANK="$rank" WORLD_SIZE="$world" LOCAL_WORLD_SIZE="$world" \
		MASTER_PORT=12345 TORCHELASTIC_RUN_ID="$mark_value" "$@"
}

for rank in 2 1 0; do
	as_torchrun $rank 3 "$run" --report -- bash -c "$tell" \
		>"$dir/out.$rank" 2>"$dir/err.$rank" &
	pids[rank]=$!
done
for rank in 0 1 2; do
	wait "${pids[rank]}"
	expect "rank $rank of three ends well" 0 $?
	expect_match "rank $rank has its number, and the segment" \
		"^$rank of 3 run [0-9a-f]{32} fd 0 on" "$dir/out.$rank"
	expect_match "rank $rank says who placed it" \
		"^syncbn-run: rank $rank of 3 of torchrun .*its placement is kept" "$dir/err.$rank"
done
expect "all are in one run" 1 "$(cat "$dir"/out.? | sed 's/.*run \([0-9a-f]*\) .*/\1/' | sort -u |
	wc -l)"
expect "nobody is bound again" "$(grep Cpus_allowed_list /proc/self/status | cut -f2)" \
	"$(sed 's/.* on //' "$dir/out.0")"

as_torchrun 1 2 "$run" -- true &
as_torchrun 0 2 "$run" --tag --max-restarts 2 --report --json --svg "$dir/adopted.svg" --grace 3 \
	-- true 2>"$dir/err"
wait
expect_match "what the other launcher does is told to have no effect" \
	'torchrun watches .* without effect: --json --svg --grace --max-restarts --tag$' "$dir/err"

as_torchrun 0 2 "$run" --no-adopt -n 1 -- true 2>"$dir/err"
expect_match "--no-adopt places ranks here" '^syncbn-run: 1 rank on 1 domain' "$dir/err"

SLURM_NTASKS=4 SLURM_PROCID=0 run_it -n 1 -- true
expect_match "a batch shell of Slurm is nobody's rank" '^syncbn-run: 1 rank on' "$dir/err"

# refused PATTERN CODE COMMAND...
refused() {
	local pattern=$1 expected=$2

	shift 2
	"$@" >"$dir/out" 2>"$dir/err"
	expect "refused: $*" "$expected" $?
	expect_match "the reason" "$pattern" "$dir/err"
}

refused 'ranks on several hosts cannot exchange yet' 1 \
	as_torchrun 0 4 env LOCAL_WORLD_SIZE=2 "$run" -- true
refused 'torchrun has started 2 ranks' 2 as_torchrun 0 2 "$run" -n 4 -- true
refused '"x" is not a whole number' 2 as_torchrun x 2 "$run" -- true

for mpirun in mpirun.openmpi mpirun.mpich; do
	command -v $mpirun >/dev/null || continue
	arguments=()
	[ $mpirun = mpirun.mpich ] || arguments=(--allow-run-as-root --oversubscribe --bind-to none)
	mark timeout 60 $mpirun "${arguments[@]}" -np 2 "$run" -- bash -c "$tell" \
		>"$dir/out" 2>"$dir/err"
	expect "$mpirun's ranks are adopted" 2 \
		"$(grep -cE '^[01] of 2 run [0-9a-f]{32} fd 0' "$dir/out")"
	expect "and are in one run" 1 \
		"$(sed -n 's/.*run \([0-9a-f]*\) .*/\1/p' "$dir/out" | sort -u | wc -l)"
done
expect "no process is left" "" "$(marked)"
finish

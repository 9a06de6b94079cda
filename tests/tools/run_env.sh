#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a rank finds: environment, descriptors, binding, signals.
. "$SRC/tests/tools/run_common.sh"

unset MASTER_ADDR MASTER_PORT OMP_NUM_THREADS OMP_PROC_BIND GOMP_CPU_AFFINITY

# value RANK NAME
value() {
	sed -n "s/^\[$1\] $2=//p" "$dir/out"
}

run_it -n 2 --tag --timeout 30 -- env
expect "env runs" 0 $code
for rank in 0 1; do
	for name in RANK LOCAL_RANK RANK_ID SYNCBN_RANK; do
		expect "$name of rank $rank" $rank "$(value $rank $name)"
	done
	for name in WORLD_SIZE LOCAL_WORLD_SIZE RANK_SIZE MS_WORKER_NUM SYNCBN_WORLD_SIZE; do
		expect "$name of rank $rank" 2 "$(value $rank $name)"
	done
	expect "GROUP_RANK of rank $rank" 0 "$(value $rank GROUP_RANK)"
	expect "MASTER_ADDR of rank $rank" 127.0.0.1 "$(value $rank MASTER_ADDR)"
	expect "SYNCBN_TIMEOUT of rank $rank" 30 "$(value $rank SYNCBN_TIMEOUT)"
	expect "OMP_PROC_BIND is not set" "" "$(value $rank OMP_PROC_BIND)"
done
expect "the ranks have the same port" "$(value 0 MASTER_PORT)" "$(value 1 MASTER_PORT)"
expect "the ranks have the same run id" "$(value 0 SYNCBN_RUN_ID)" "$(value 1 SYNCBN_RUN_ID)"

ports=$(for i in 1 2 3 4; do
	"$run" -n 1 -- printenv MASTER_PORT 2>/dev/null
done | sort -u | wc -l)
expect "the port is another one each run" yes "$([ "$ports" -gt 1 ] && echo yes)"

export MASTER_ADDR=10.0.0.1 MASTER_PORT=1234 OMP_NUM_THREADS=77 RANK=9 WORLD_SIZE=10
run_it -n 1 --tag -- env
unset MASTER_ADDR MASTER_PORT OMP_NUM_THREADS RANK WORLD_SIZE
expect "the caller's choice of an address stays" 10.0.0.1 "$(value 0 MASTER_ADDR)"
expect "the caller's choice of a port stays" 1234 "$(value 0 MASTER_PORT)"
expect "the caller's choice of threads stays" 77 "$(value 0 OMP_NUM_THREADS)"
expect "another run's rank does not stay" 0 "$(value 0 RANK)"
expect "another run's world does not stay" 1 "$(value 0 WORLD_SIZE)"

run_it -n 1 --tag -- sh -c 'echo threads=$OMP_NUM_THREADS'
cores=$("$run" -n 1 --dry-run --json -- true 2>/dev/null | sed -n 's/.*"cores": \([0-9]*\).*/\1/p')
expect "OMP_NUM_THREADS is the rank's cores" "$cores" "$(value 0 threads)"

SYNCBN_THREAD=2 SYNCBN_FETCH=auto SYNCBN_EMPTY= SYNCBN_RUN_TAG=1 run_it -n 2 -- true
expect "a misspelt setting ends nothing" 0 $code
expect_match "but it is told" \
	'^syncbn-run: SYNCBN_THREAD is set, which nothing reads; did you mean SYNCBN_THREADS$' \
	"$dir/err"
expect "no other is" 1 "$(grep -c 'nothing reads' "$dir/err")"
SYNCBN_MINE=2 run_it -n 1 -- printenv SYNCBN_MINE
expect "a program may have its own" 2 "$(cat "$dir/out")"
expect_match "which is like none" '^syncbn-run: SYNCBN_MINE is set, which nothing reads' "$dir/err"

if [ "$(nproc)" -ge 2 ]; then
	run_it -n 2 -- sh -c 'grep Cpus_allowed_list: /proc/self/status'
	expect "two ranks have two places" 2 "$(sort -u "$dir/out" | wc -l)"
else
	echo "skip two ranks have two places: one CPU"
fi

echo piped | "$run" -n 2 --tag -- sh -c 'cat' >"$dir/out" 2>/dev/null
expect "rank 0 reads what is piped in, nobody else" "[0] piped" "$(cat "$dir/out")"

run_it -n 1 -- sh -c 'exec readlink /proc/self/fd/$SYNCBN_SEGMENT_FD'
expect "the segment's descriptor is inherited" 0 $code
expect_match "its name is gone already" 'deleted|memfd' "$dir/out"

mark ls /proc/self/fd >"$dir/out" 2>"$dir/err" </dev/null
inherited=$(wc -l <"$dir/out")
run_it -n 1 -- ls /proc/self/fd
expect "and no other" $((inherited + 1)) "$(wc -l <"$dir/out")"

run_it -n 1 -- grep -E 'Sig(Blk|Ign)' /proc/self/status
# make may have left the C library's own two, 32 and 33, ignored; no program can change that
expect "no signal is blocked or ignored" 2 \
	"$(grep -cE '0000000(000000000|180000000)$' "$dir/out")"

run_it -n 1 -- sh -c 'ps -o pgid= -p $$ | tr -d " "; echo $$'
expect "a rank has a process group of its own" 1 "$(sort -u "$dir/out" | wc -l)"
finish

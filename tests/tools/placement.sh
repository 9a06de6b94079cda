#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the ranks expand them
# Where ranks go, by every option of placement: golden maps, small enough to check by eye.
. "$SRC/tests/tools/run_common.sh"
. "$SRC/tests/tools/cpusets.sh"

# maps MACHINE "CPUS@NODES CPUS@NODES ..." OPTIONS...: one of tests/topologies, or a description
maps() {
	local machine=$1 expected=$2

	shift 2
	case $machine in
	*.xml) machine=$SRC/tests/topologies/$machine ;;
	esac
	run_it --dry-run --json --topology "$machine" "$@" -- true
	expect "${machine##*/} $*" "$expected" \
		"$(sed -n 's/.*"cpuset": "\([^"]*\)".*"nodes": \[\([^]]*\)\].*/\1@\2/p' "$dir/out" |
			tr -d ' ' | paste -sd' ')"
}

two="pack:2 core:4 pu:2"
sub_numa="pack:2 numa:2 core:2 pu:1"

maps "$two" "0-7@0 8-15@0" --map package
maps "$sub_numa" "0-1@0 2-3@1 4-5@2 6-7@3"
maps "$sub_numa" "0-3@0,1 4-7@2,3" --map package
maps "$sub_numa" "0@0 1@0 2@1 3@1 4@2 5@2 6@3 7@3" --map core
maps "$sub_numa" "0@0 1@0 2@1 3@1 4@2 5@2 6@3 7@3" --per-domain 2
maps "$sub_numa" "0-1@0 2-3@1 4-5@2 6-7@3" -n 4 --per-domain 2
maps "$sub_numa" "0@0 1@0 2@1 3@1 4@2 5@2 6-7@3" -n 7 --per-domain 2
maps "$sub_numa" "0-1@0 4-5@2" -n 2
maps "$sub_numa" "2-3@1 6-7@3" --domains 1,3
maps "$sub_numa" "2@1 3@1 4@2 5@2" --domains 1-2 -n 4
maps "pack:2 numa:1 core:2 pu:2" "0,2@0 4,6@1" --smt no
maps "pack:2 numa:1 core:2 pu:2" "0@0 2@0 4@1 6@1" --smt no --per-domain 2
maps "$sub_numa" "0,2@0,1 5,7@2,3" --map list:0,2/5,7
maps "$sub_numa" "7@3 0-3@0,1" --map list:7/0-3
maps "pack:1 l3:2 core:2 pu:1" "0-1@0 2-3@0" --map l3
maps hbm.xml "0-1@0,2 2-3@1,3"
maps hybrid.xml "0-7@0"
maps hybrid.xml "0-3@0" --cores performance
maps hybrid.xml "0,2@0" --cores performance --smt no
maps hybrid.xml "0,2,4-7@0" --smt no
maps "$two" "0-7@0 8-15@0" --map package --cores performance

run_it --dry-run --topology "$SRC/tests/topologies/hybrid.xml" -- true
expect_match "ranks of fast and slow cores are told" \
	'fast and slow cores in one rank: --cores performance' "$dir/err"

# refused PATTERN OPTIONS...
refused() {
	local pattern=$1

	shift
	run_it --dry-run --topology "$sub_numa" "$@" -- true
	expect "refused: $*" 2 $code
	expect_match "the reason: $*" "$pattern" "$dir/err"
}

refused 'CPU 8 cannot be used here' --map list:0-3/8
refused 'CPU 3 in two domains' --map list:0-3/3-4
refused 'is not a list of numbers' --map list:0-3/
refused 'is not a list of numbers' --map list:3-1
refused 'is not a list of numbers' --domains all
refused 'there is no domain 4' --domains 2-4
refused 'lets 4 domains have 4' -n 5 --per-domain 1
refused 'processing units for 8 ranks only' --per-domain 3

# big machines: disjoint, whole, one domain each
for big in "pack:8 numa:4 core:16 pu:2" "pack:16 numa:2 core:32 pu:1" "pack:32 core:64 pu:4"; do
	run_it --dry-run --json --topology "$big" -- true
	expect "$big binds no CPU twice" "" "$(json_cpus <"$dir/out" | sort | uniq -d)"
	n_pus=1
	for level in $big; do
		n_pus=$((n_pus * ${level#*:}))
	done
	expect "$big uses every CPU" $n_pus "$(json_cpus <"$dir/out" | wc -l)"
done
run_it --dry-run --topology "pack:32 core:64 pu:4" -n 32 --svg "$dir/big.svg" -- true
expect "8192 processing units are planned" 0 $code

run_it --dry-run --topology "pack:2 numa:4 core:4 pu:2" -n 5 --svg "$dir/plan.svg" -- true
expect "a picture is drawn" 0 $code
expect "it has a square for each processing unit" 64 "$(grep -c '<title>CPU' "$dir/plan.svg")"
expect "each rank has its color" 5 "$(grep '<title>CPU [0-9]*: rank' "$dir/plan.svg" |
	grep -o 'fill="#[0-9a-f]*"' | sort -u | wc -l)"
if command -v python3 >/dev/null; then
	python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$dir/plan.svg"
	expect "the picture is XML" 0 $?
fi
run_it --dry-run --svg "$dir/no/such.svg" -- true
expect "a picture that cannot be written is an error" 1 $code

# this machine
run_it --bind-to none --malloc tuned --json --report -n 1 -- sh -c \
	'echo "$SYNCBN_MEM $MALLOC_ARENA_MAX"'
expect "ranks need not be bound" 0 $code
expect_match "it is told" '^syncbn-run: 1 rank .*, not bound, memory none' "$dir/err"
expect_match "glibc's thresholds are tuned" '^none 1$' "$dir/out"
MALLOC_ARENA_MAX=3 run_it --malloc tuned -n 1 -- sh -c 'echo "arenas $MALLOC_ARENA_MAX"'
expect_match "but for those that are chosen" '^arenas 3$' "$dir/out"
mkdir "$dir/lib"
: >"$dir/lib/libjemalloc.so.2"
LD_LIBRARY_PATH=$dir/lib run_it --dry-run --malloc jemalloc -- true
expect "a library for memory is found" 0 $code

start --shared -n 1 -- sh -c 'echo here; exec sleep 60'
expect_until "a run is there" n_lines 1 here "$dir/out"
all_cpus=$(taskset -pc $$ | sed 's/.*: //')
# second LIST: another run over these domains; what it says in $dir/second
second() {
	mark env -u SYNCBN_RUN_SHARED "$run" -n 1 --map list:"$1" -- true 2>"$dir/second"
}
second "$all_cpus"
expect_match "another one on its CPUs is told, with the pid" \
	'domain 0 is used by another run too, syncbn-run with pid [0-9]+.*; --shared' "$dir/second"
first_cpu=${all_cpus%%[-,]*}
last_cpu=${all_cpus##*[-,]}
if [ "$first_cpu" != "$last_cpu" ]; then
	second "$first_cpu/$last_cpu"
	expect_match "other domains are proposed where there are some" \
		'is used by another run too, .*; --domains chooses others, --shared' "$dir/second"
else
	echo "skip other domains: there is one CPU"
fi
kill -TERM "$launcher"
wait "$launcher" 2>/dev/null
finish

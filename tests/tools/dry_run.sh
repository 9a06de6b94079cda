#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What syncbn-run plans, tells and refuses without running anything.
. "$SRC/tests/tools/run_common.sh"
. "$SRC/tests/tools/cpusets.sh"

eight="pack:2 numa:4 core:4 pu:2"

run_it -n 8 --dry-run --topology "$eight" -- true
expect "eight ranks are planned" 0 $code
expect_match "the line says where" \
	'^syncbn-run: 8 ranks on 8 domains \(4 cores each\), memory preferred$' "$dir/err"
expect "the table has a line a rank" 8 "$(grep -cE '^ +[0-9]+ +[0-9]+ ' "$dir/out")"
expect "each rank has four cores of its own" \
	"0-7 4,8-15 4,16-23 4,24-31 4,32-39 4,40-47 4,48-55 4,56-63 4" \
	"$(awk 'NR > 1 { print $4 " " $5 }' "$dir/out" | paste -sd,)"

for n in 1 2 3 8 9 13 32 33 64; do
	run_it -n $n --dry-run --json --topology "$eight" -- true
	expect "-n $n is planned" 0 $code
	expect "-n $n has $n ranks" $n "$(grep -c '"rank":' "$dir/out")"
	expect "-n $n binds no CPU twice" "" "$(json_cpus <"$dir/out" | sort | uniq -d)"
	if [ $n -ge 8 ]; then
		expect "-n $n uses every CPU" "$(seq -s ' ' 0 63)" \
			"$(json_cpus <"$dir/out" | sort -n | paste -sd' ')"
	fi
done

run_it --dry-run --json --topology "pack:8 numa:4 core:16 pu:2" -- true
expect "a big machine has its domains" 32 "$(grep -c '"rank":' "$dir/out")"
if command -v python3 >/dev/null; then
	python3 -m json.tool "$dir/out" /dev/null
	expect "the JSON is valid" 0 $?
	expect "the JSON has the keys" "32 preferred 0 0 0-31 16 32 0 0 [0]" "$(python3 -c '
import json, sys
plan = json.load(sys.stdin)
rank = plan["ranks"][0]
print(plan["domains"], plan["memory"], *(rank[key] for key in (
	"rank", "domain", "cpuset", "cores", "pus", "node", "package", "nodes")))
' <"$dir/out")"
else
	echo "skipped: the JSON's validity: there is no python3"
fi

run_it --dry-run -- "$dir/must-not-run"
expect "this machine is planned and nothing run" 0 $code
mv "$dir/out" "$dir/named"
run_it --dry-run
expect "no program need be named for that" 0 $code
expect "and the plan is the same" "$(cat "$dir/named")" "$(cat "$dir/out")"

for none in --mem --bind-to; do
	run_it -n 1 --dry-run "$none" none --topology "$eight"
	expect "with $none none no memory is told" "- none" \
		"$(awk 'NR > 1 { print $7 " " $8 }' "$dir/out")"
done

OMP_NUM_THREADS=5 run_it --dry-run --topology "$eight" -- true
expect_match "more threads than cores are told" \
	'^syncbn-run: OMP_NUM_THREADS is set to 5, more than the 4 cores of rank 0' "$dir/err"
OMP_NUM_THREADS=4 run_it --dry-run --topology "$eight" -- true
expect "as many are not" 1 "$(wc -l <"$dir/err")"

run_it --help
expect "help is no error" 0 $code
expect "help fits a screen" yes \
	"$(awk 'length > 80 { wide = 1 }
		END { print (NR >= 24 && NR <= 50 && !wide) ? "yes" : "no" }' "$dir/out")"
for option in -n --per-domain --map --domains --smt --cores --mem --bind-to --malloc \
	--oversubscribe --shared --no-adopt --report --dry-run --json --svg --topology --timeout \
	--grace --hang-report --max-restarts --stdin --tag --timestamps --output --tee \
	--quiet-ranks --config --help --version RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE \
	GROUP_RANK RANK_ID RANK_SIZE MS_WORKER_NUM MASTER_ADDR MASTER_PORT OMP_NUM_THREADS \
	126 127; do
	expect_match "help names $option" "(^| )$option( |,|\$)" "$dir/out"
done
run_it --version
expect_match "the version is told" \
	'^syncbn-run [0-9]+\.[0-9]+\.[0-9]+, with(out)? stacks' "$dir/out"

# refused PATTERN ARGS...: exit 2 and one line that matches
refused() {
	local pattern=$1

	shift
	run_it "$@"
	expect "refused: $*" 2 $code
	expect "refused in one line: $*" 1 "$(wc -l <"$dir/err")"
	expect_match "the reason: $*" "^syncbn-run: .*$pattern" "$dir/err"
}

refused 'one of: numa, l3, package, core, list:CPUS$' --map socket -- true
refused 'did you mean --topology' --dry-run --topologie=core:2 -- true
refused 'did you mean numa' --map nuna -- true
refused 'did you mean first-touch' --mem firsttouch -- true
refused '"-2" is not a whole number' -n -2 -- true
refused 'value is missing' --grace
refused 'needs --dry-run' --topology core:2 -- true
refused 'needs --dry-run or --report' --json -- true
refused 'no program' --report
refused 'name is empty' --dry-run ''
refused 'there is no such file' --dry-run --topology "/no/such/file.xml" -- true
refused 'must end with pu:N' --dry-run --topology "pack:2 core:8" -- true
refused 'neither a file nor a description' --dry-run --topology "machine" -- true
refused 'number of seconds from 0.001 to 1000000' --timeout 1e7 -- true
refused 'is not XML of hwloc 2' --dry-run --topology "$SRC/tests/tools/dry_run.sh" -- true
refused 'cannot be read as a file|is not XML' --dry-run --topology / -- true
refused 'more than 16384 processing units' --dry-run --topology "core:99999 pu:99999" -- true
refused '64 processing units.*at most 64.*--oversubscribe' \
	-n 65 --dry-run --topology "$eight" -- true

run_it --dry-run --topology "$eight" --svg "$dir/none/plan.svg"
expect_match "a picture that cannot be written is told with what it needs" \
	'--svg .*/plan.svg cannot be written; name a file in a folder .*: No such file' "$dir/err"

run_it -n 65 --dry-run --oversubscribe --topology "$eight" -- true
expect "more ranks than processing units when asked" 0 $code
expect_match "the line says so" 'oversubscribed: they share 64 processing units$' "$dir/err"
finish

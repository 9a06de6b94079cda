#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Recorded machines, which do not belong to the project: the number of domains that their INDEX.md
# expects, and bindings that are disjoint.
. "$SRC/tests/tools/run_common.sh"
. "$SRC/tests/tools/cpusets.sh"

machines=$SRC/../shared/topologies
if [ ! -r "$machines/INDEX.md" ]; then
	echo "skipped: there are no recorded machines in ../shared/topologies"
	exit 77
fi

# Rows like "| name or its begin | what it is | NUMA nodes | domains ... | cores | note |".
n_machines=0
while IFS='|' read -r _ name _ _ expected _; do
	file=$(compgen -G "$machines/${name// /}*" | head -n 1)
	if [ ! -f "$file" ] || ! [[ $expected =~ [0-9]+ ]]; then
		continue # the table's head
	fi
	expected=${BASH_REMATCH[0]}
	n_machines=$((n_machines + 1))
	run_it --dry-run --json --topology "$file" -- true
	expect "${file##*/} is read" 0 $code
	expect "${file##*/}: domains" "\"domains\": $expected," \
		"$(grep -o '"domains": [0-9]*,' "$dir/out")"
	expect "${file##*/}: ranks" "$expected" "$(grep -c '"rank":' "$dir/out")"
	expect "${file##*/}: no CPU is bound twice" "" "$(json_cpus <"$dir/out" | sort | uniq -d)"
	cpus=$(json_cpus <"$dir/out" | sort -n | paste -sd' ')
	for map in l3 package core; do
		run_it --dry-run --json --map $map --topology "$file" -- true
		expect "${file##*/}: by $map the same CPUs are used" "$cpus" \
			"$(json_cpus <"$dir/out" | sort -n | paste -sd' ')"
	done
	run_it --dry-run --smt no --per-domain 1 --svg "$dir/m.svg" --topology "$file" -- true
	expect "${file##*/}: one thread a core, with a picture" 0 $code
	expect "${file##*/}: as many as cores" "" "$(awk 'NR > 1 && $5 != $6' "$dir/out")"
done <"$machines/INDEX.md"

expect "every recorded machine is in the index" "$n_machines" \
	"$(find "$machines" -name '*.xml' | wc -l)"
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf exchange, allreduce, barrier: what is refused, and what the help says.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf

# refused PATTERN ARGS...
refused() {
	local pattern=$1

	shift
	"$perf" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	expect "refused: $*" 2 $?
	expect_match "the reason: $*" "^syncbn-perf: .*$pattern" "$dir/err"
	expect "no table: $*" "" "$(cat "$dir/out")"
}

refused 'did you mean allreduce' allreduc
refused 'did you mean --channels' exchange --chanels 4
refused '--help lists' exchange --frobnicate
refused 'no option takes it' exchange 4096
refused 'its value is missing' exchange --channels
refused 'takes no value' allreduce --arena=yes
refused 'whole number' exchange -n 0
refused 'whole number' exchange -n two
refused 'whole number' exchange --channels 16,,32
refused 'whole number' exchange --channels 16,x
refused 'whole number' exchange --channels ''
refused 'whole number' allreduce -f 1
refused 'whole number' allreduce -w -1
refused 'whole number' allreduce -i 1.5
refused 'number of bytes' allreduce -b 0
refused 'number of bytes' allreduce -e 4T
refused 'number of bytes' allreduce -e 5G
refused 'number of bytes' allreduce -b K
refused 'above -e' allreduce -b 8K -e 4K
refused 'both say the sizes' exchange -b 16 --channels 1
refused 'moves no bytes' barrier -b 16
refused 'leave --peer out' overlap --peer openmpi
refused 'is for allreduce' overlap --arena
refused 'is for overlap' allreduce --buckets 2
refused 'is for overlap' barrier --compute 2
refused 'whole number' overlap --buckets 9
refused 'is for allreduce' barrier --arena
refused 'is for allreduce' exchange --dtype float64
refused 'is for allreduce' exchange --op mean
refused 'did you mean float64' allreduce --dtype flaot64
refused 'one of: sum, mean' allreduce --op product
refused 'one of: openmpi, mpich, gloo' barrier --peer nccl
refused 'more than [0-9]+ sizes' exchange --channels "$(seq -s, 1 65)"
refused 'processing unit' barrier -n 1000
refused 'not a regular file' barrier --json /dev/null
refused 'where the table or the errors go' barrier --json /dev/stdout
refused 'where the table or the errors go' barrier --json "$dir/err"

"$perf" barrier --json "$dir/none/perf.json" >"$dir/out" 2>"$dir/err"
expect "a file that cannot be written is refused before anything runs" 1 $?
expect_match "its reason" 'cannot be written' "$dir/err"
"$run" -n 1 "$perf" barrier -n 2 >"$dir/out" 2>"$dir/err"
expect "another number of ranks than the launcher's is refused" 2 $?
expect_match "its reason" 'leave -n out' "$dir/err"

for command in exchange allreduce barrier overlap; do
	"$perf" $command --help >"$dir/out" 2>"$dir/err"
	expect "$command --help is no error" 0 $?
done
expect_match "the help has the default sizes" \
	'\(default 64 to 64K; --arena 1M to 64M; overlap 64K' "$dir/out"
expect_match "the help tells of rounding" 'Rounded up to whole$' "$dir/out"
expect "the help fits a screen's lines" yes \
	"$([ "$(wc -l <"$dir/out")" -le 40 ] && echo yes)"
expect "the help fits a screen's columns" 0 "$(grep -cE '^.{81}' "$dir/out")"

# ---- the man page ----

page=$SRC/doc/syncbn-perf.1.scd
for command in env bn exchange allreduce; do
	"$perf" $command --help
done | grep -oE '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,' | sort -u >"$dir/helped"
printf '%s\n' --help -h --version >>"$dir/helped"
sort -u -o "$dir/helped" "$dir/helped"
grep -oE '[*]--?[a-z][a-z-]*[*]' "$page" | tr -d '*' | sort -u >"$dir/told"
expect "options are found" yes "$([ "$(wc -l <"$dir/told")" -ge 25 ] && echo yes)"
expect "the man page has every option of the help and no other" "" \
	"$(diff "$dir/helped" "$dir/told")"
for word in $("$perf" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'); do
	expect_match "it has $word" "^[*]$word[*]\$" "$page"
done
for word in resnet50 densenet121 mobilenet unet detection fwd bwd step eval nchw nhwc nchw8c \
	nchw16c f32 f64 bf16 f16 none relu leaky_relu add_relu onednn onednn-blocked torch \
	torch-gloo team openmp auto openmpi mpich gloo float32 float64 sum mean; do
	expect_match "it has $word" "[*]$word[*]" "$page"
done
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The recorded cases in every layout, and what replay says of cases and words that are wrong.
. "$SRC/tests/tools/run_common.sh"

replay=$BUILD/tests/golden/replay
cases=$SRC/tests/golden/cases

# replay_it ARGS...: replay to its end; its output in $dir/out and $dir/err, its code in $code
replay_it() {
	mark "$replay" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# copy_case NAME AS: a case to spoil
copy_case() {
	mkdir -p "$dir/set"
	rm -rf "${dir:?}/set/$2"
	cp -r "$cases/$1" "$dir/set/$2"
	chmod -R u+w "$dir/set/$2" # the source tree may be read-only
}

for layout in nchw nhwc nchw16c; do
	replay_it --layout $layout "$cases"
	expect "all cases pass in $layout" 0 $code
	[ $code = 0 ] || grep -hA 1 'FAIL$' "$dir/out" "$dir/err" | head -20
done
expect_match "they are counted" '^[0-9]+ passed, 0 failed$' "$dir/out"
expect "every case has its line" "$(find "$cases" -name case.txt | wc -l)" \
	"$(grep -cE ' y .* ok$' "$dir/out")"

good=fuse_add_relu_f32
replay_it --transport shm "$cases/$good"
expect "a case is a set of one" 0 $code
replay_it --transport self "$cases/$good"
expect "another transport than wanted fails" 1 $code
expect_match "and is named" 'transport of a world of 2 is shm, not self' "$dir/out"
replay_it --transport self --isa scalar --threads=2 "$cases/batch_equal_1"
expect "a world of one talks to itself" 0 $code

copy_case $good a_wrong_y
cp "$cases/$good/s0_dx.npy" "$dir/set/a_wrong_y/s0_y.npy"
copy_case $good b_cut
head -c 200 "$cases/$good/s0_y.npy" >"$dir/set/b_cut/s0_y.npy"
copy_case $good c_no_mean
rm "$dir/set/c_no_mean/s0_mean.npy"
copy_case $good d_shape
cp "$cases/$good/weight.npy" "$dir/set/d_shape/ns.npy"
copy_case $good e_world
sed -i 's/^world=.*/world=two/' "$dir/set/e_world/case.txt"
mkdir "$dir/set/f_empty"
copy_case $good g_group
sed -i 's/^groups=.*/groups=0/' "$dir/set/g_group/case.txt"
copy_case $good h_eps
sed -i 's/^eps=.*/eps=0.5/' "$dir/set/h_eps/case.txt"
copy_case $good i_dtype
sed -i 's/^dtype=.*/dtype=f33/' "$dir/set/i_dtype/case.txt"
copy_case batch_one_value_each_f32 j_one_value_alone
sed -i 's/^groups=.*/groups=/' "$dir/set/j_one_value_alone/case.txt"
printf '\223NUMPY\001\000v\000' >"$dir/set/j_one_value_alone/group.npy"
copy_case $good z_good

replay_it "$dir/set"
expect "a set with bad cases fails" 1 $code
expect_match "all bad ones are counted" '^1 passed, 10 failed$' "$dir/out"
expect_match "a wrong result is a failure" '^fuse_add_relu_f32 .* FAIL$' "$dir/out"
expect_match "with the element" 'y at \[0, 0, 0\], step 0, torch: ' "$dir/out"
expect_match "a file that is cut off" 'malformed: s0_y: its data has' "$dir/out"
expect_match "a file that is missing" 'malformed: .*s0_mean.npy: No such file' "$dir/out"
expect_match "a wrong shape" 'malformed: ns.npy: its shape is not \[1, 2\]' "$dir/out"
expect_match "a wrong number" 'malformed: case.txt: world: "two" is not' "$dir/out"
expect_match "no case at all" 'malformed: .*f_empty/case.txt: No such file' "$dir/out"
expect_match "groups that contradict each other" 'malformed: group.npy does not say' "$dir/out"
expect_match "a wrong word" 'malformed: case.txt: dtype: .*f33' "$dir/out"

copy_case batch_one_value_each_f32 j_one_value_alone
rm -r "$dir"/set/[a-i]_*
sed -i 's/^groups=.*/groups=/' "$dir/set/j_one_value_alone/case.txt"
cp "$cases/groups_none_of_two_bf16/group.npy" "$cases/groups_none_of_two_bf16/unit.npy" \
	"$dir/set/j_one_value_alone"
replay_it "$dir/set"
expect_match "what the library refuses takes no other case along" '^1 passed, 1 failed$' "$dir/out"

replay_it --layuot nchw "$cases"
expect "an unknown option gives 2" 2 $code
expect_match "and the nearest one" 'unknown option --layuot; did you mean --layout' "$dir/err"
replay_it --layout nchw16 "$cases"
expect_match "so does an unknown layout" 'nchw16.*did you mean nchw16c' "$dir/err"
replay_it --isa avx3 "$cases"
expect_match "and an unknown instruction set" 'did you mean avx2' "$dir/err"
replay_it --threads 0 "$cases"
expect "no threads give 2" 2 $code
replay_it
expect "no directory gives 2" 2 $code
replay_it "$dir/none"
expect "a directory that is not there gives 2" 2 $code
replay_it --help
expect "--help gives 0" 0 $code
finish

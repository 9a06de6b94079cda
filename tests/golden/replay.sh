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

# ---- what another author may write, and what not ----

# respell AS: case.txt in another order, with other blanks, ends of lines, and numbers
respell() {
	local file=$dir/set/$1/case.txt

	tac "$file" | sed -E -e 's/^(world|steps|C)=([0-9]+)$/  \1 = \2.0/' \
		-e 's/^eps=.*/eps=1E-05/' -e 's/,/, /g' -e '/^(momentum_mindspore|slope|kind)=/d' \
		-e 's/^(affine|track_running_stats)=1/\1=True/' -e 's/$/  \r/' >"$file.new"
	printf 'another=key\r\n\r\nno key at all\r\n' >>"$file.new"
	mv "$file.new" "$file"
}

rm -r "$dir/set"
for case in fuse_add_relu_f32 groups_crossed shape_2d_c1_f32 momentum_cumulative; do
	copy_case $case $case
	respell $case
done
copy_case mode_affine1_track1_eval_f32 eval_by_running
rm "$dir"/set/eval_by_running/s*_{mean,var,count}.npy
replay_it "$dir/set"
expect "other spellings of a case are the same case" 0 $code
[ $code = 0 ] || grep -hA 1 'FAIL$' "$dir/out" "$dir/err"
expect_match "all five" '^5 passed, 0 failed$' "$dir/out"

# spoil_array AS PYTHON: s0_y of a good case as numpy writes `PYTHON` of it, the array being a
spoil_array() {
	copy_case $good "$1"
	/usr/bin/python3 - "$dir/set/$1/s0_y.npy" "$2" <<-'PYTHON'
		import sys
		import numpy as np
		a = np.load(sys.argv[1])
		np.save(sys.argv[1], eval(sys.argv[2]))
	PYTHON
}

if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
	rm -r "$dir/set"
	spoil_array a_big_endian 'a.astype(">f8")'
	spoil_array b_fortran 'np.asfortranarray(a)'
	spoil_array c_objects 'a.astype(object)'
	spoil_array d_complex 'a.astype(complex)'
	spoil_array e_flat 'a.reshape(-1)'
	spoil_array z_good 'a'
	replay_it "$dir/set"
	expect_match "arrays of other kinds are refused" '^1 passed, 5 failed$' "$dir/out"
	expect_match "big-endian ones" 'malformed: s0_y: its descr is none of <f2' "$dir/out"
	expect_match "ones in Fortran's order" 'malformed: s0_y: its fortran_order is' "$dir/out"
	expect_match "ones of objects" 'malformed: s0_y: ' "$dir/out"
	expect_match "and flat ones" 'malformed: s0_y.npy: its shape' "$dir/out"
fi

rm -r "$dir/set"
copy_case batch_one_value_each_f32 j_one_value_alone
copy_case $good z_good
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

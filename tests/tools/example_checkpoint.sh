#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example's checkpoints: a training that loses a rank and is restarted ends with the bits of one
# that nothing disturbed; a checkpoint that cannot be written leaves the old one alone.
if [ "${SBN_TEST_MOUNTS-}" = "" ] && unshare -m true 2>/dev/null; then
	SBN_TEST_MOUNTS=yes exec unshare -m bash "$0"
fi
. "$SRC/tests/tools/run_common.sh"

example=$BUILD/examples/fashion_mnist
[ -x "$example" ] || { echo "skipped: the example was not built"; exit 77; }
data=$("$example" --help | sed -n 's/.*(default \(\/.*\))$/\1/p')
[ -r "$data/train-images-idx3-ubyte.gz" ] || { echo "skipped: no data in $data"; exit 77; }

train=("$example" --model mlp --steps 80 --quiet --seed 3)

# bits FILE: what must not differ: every loss and the ranks' checksums
bits() {
	grep -E '"(losses|train_loss|test_accuracy|checksums)"' "$1"
}

# trains NAME ARGS...: two ranks, results in $dir/NAME.json
trains() {
	local name=$1

	shift
	run_it -n 2 --oversubscribe "${launch[@]}" -- "${train[@]}" --json "$dir/$name.json" "$@"
}

launch=()
trains whole
expect "an undisturbed training ends well" 0 $code

launch=(--max-restarts 1)
trains killed --checkpoint "$dir/state" --checkpoint-every 20 --resume auto --crash-at 50
expect "a training that lost a rank in step 50 ends well" 0 $code
expect_match "after a restart" 'again, restart 1 of 1, after rank 1: killed by signal 9' "$dir/err"
expect_match "from the checkpoint of step 40" '"resumed_at": 40,' "$dir/killed.json"
expect "with the same losses, statistics and parameters, bit for bit" \
	"$(bits "$dir/whole.json")" "$(bits "$dir/killed.json")"
expect "one checkpoint is kept" "latest
step-80-bn.safetensors
step-80-training" "$(ls "$dir/state")"

for bn in sync local; do
	rm -rf "$dir/state"
	launch=()
	trains "whole-$bn" --bn $bn
	launch=(--max-restarts 1)
	trains "early-$bn" --bn $bn --checkpoint "$dir/state" --checkpoint-every 30 \
		--resume auto --crash-at 10
	expect "$bn: without a checkpoint yet it begins again" 0 $code
	expect_match "$bn: at the beginning" '"resumed_at": 0,' "$dir/early-$bn.json"
	rm -rf "$dir/state"
	trains "late-$bn" --bn $bn --shards class --checkpoint "$dir/state" \
		--checkpoint-every 30 --resume auto --crash-at 70
	expect_match "$bn: it goes on where it was" '"resumed_at": 60,' "$dir/late-$bn.json"
	launch=()
	trains "class-$bn" --bn $bn --shards class
	expect "$bn: early or not, the bits are the same" "$(bits "$dir/whole-$bn.json")" \
		"$(bits "$dir/early-$bn.json")"
	expect "$bn: late or not, the bits are the same" "$(bits "$dir/class-$bn.json")" \
		"$(bits "$dir/late-$bn.json")"
done

# A real kill from outside, whenever it comes, of a training that keeps every step.
rm -rf "$dir/state"
start -n 2 --oversubscribe --max-restarts 1 -- "${train[@]}" --checkpoint "$dir/state" \
	--checkpoint-every 1 --resume auto --json "$dir/outside.json"
until_true test -e "$dir/state/latest"
kill -KILL "$(rank_pid 0)"
wait "$launcher"
expect "a training whose rank 0 is killed from outside ends well" 0 $?
expect "with the same bits" "$(bits "$dir/whole.json")" "$(bits "$dir/outside.json")"

# ---- what cannot be ----

launch=()
trains again --checkpoint "$dir/state"
expect "a directory with a checkpoint is not overwritten" 2 $code
expect_match "but --resume auto offered" 'has a checkpoint already: give --resume auto' "$dir/err"
trains other --checkpoint "$dir/state" --resume auto --seed 4
expect "a checkpoint of another training is refused" 2 $code
expect_match "by the name of what differs" 'step-80-training: of a training with another --seed' \
	"$dir/err"
trains none --resume auto
expect "--resume without a directory is refused" 2 $code
expect_match "with a word" '--resume auto: from what: give --checkpoint DIR, too' "$dir/err"
trains file --checkpoint "$dir/whole.json"
expect "a file is no directory" 2 $code
expect_match "which is told" 'whole.json: Not a directory: give --checkpoint' "$dir/err"

head -c 100000 "$dir/state/step-80-training" >"$dir/part"
cp "$dir/part" "$dir/state/step-80-training"
trains damaged --checkpoint "$dir/state" --resume auto
expect "a truncated checkpoint is refused" 2 $code
expect_match "as damaged" "step-80-training: damaged: remove the directory's files" "$dir/err"

# ---- a disk that is full ----

# a file system with room for one checkpoint, and not for two
rm -rf "$dir/state" && mkdir "$dir/state"
if [ "${SBN_TEST_MOUNTS-}" = "" ] || ! mount -t tmpfs -o size=3m tmpfs "$dir/state"; then
	echo "skip a full disk: mounting is not allowed here"
	finish
fi
trap 'kill_marked; umount "$dir/state"; rm -rf "$dir"' EXIT

trains small --checkpoint "$dir/state" --checkpoint-every 40 --resume auto --crash-at 50
(cd "$dir/state" && md5sum ./*) >"$dir/before"
trains full --checkpoint "$dir/state" --checkpoint-every 20 --resume auto
expect "a disk that is full ends the training" 2 $code
expect_match "with the reason" 'No space left on device.*has room' "$dir/err"
expect "the old checkpoint is as it was" "$(cat "$dir/before")" \
	"$(cd "$dir/state" && md5sum ./latest ./step-40-*)"
mount -o remount,size=30m "$dir/state"
trains roomy --checkpoint "$dir/state" --checkpoint-every 20 --resume auto
expect "with room the training goes on" 0 $code
expect_match "from there" '"resumed_at": 40,' "$dir/roomy.json"
expect "to the same bits" "$(bits "$dir/whole.json")" "$(bits "$dir/roomy.json")"
finish

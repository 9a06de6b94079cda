#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: demo.sh BUILD_DIR
#
# Trains the same network three times on the same images, in the same order, with the same rates:
# on two ranks with local batch norms, on two ranks with synchronized ones, and in one process
# with the whole batch. Prints what came of it; fails when synchronizing did not make the two
# ranks as good as the one process, and better than local batch norms.
set -eu
export LC_ALL=C

steps=2000
batch=16
common="--model conv --shards class --steps $steps --lr 0.05 --seed 1"

die()
{
	echo "demo.sh: $*" >&2
	exit 1
}

[ $# -eq 1 ] || die "usage: demo.sh BUILD_DIR"
run=$1/tools/syncbn-run
example=$1/examples/fashion_mnist
[ -x "$run" ] || die "$run: not there: build it first, with ./bootstrap build"
[ -x "$example" ] || die "$example: not there: it needs zlib and a CBLAS, and ./bootstrap build"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

oversubscribe=
[ "$(nproc)" -ge 2 ] || oversubscribe=--oversubscribe
quiet=--quiet
[ ! -t 1 ] || quiet=

# train NAME RANKS OPTIONS...: one job, its results in $results/NAME
train()
{
	name=$1
	ranks=$2
	shift 2
	echo "$title"
	# shellcheck disable=SC2086 # several words each, none with a blank
	"$run" -n "$ranks" $oversubscribe -- "$example" $common $quiet \
		--json "$results/$name" "$@" ||
		die "$name: the training failed, see above"
}

# value NAME KEY: a number or word from the job's JSON, which has one key a line
value()
{
	sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$results/$1"
}

# member NAME KEY: a number from the objects "phases" and "exchange"
member()
{
	sed -n "/^  \"\(phases\|exchange\)\"/s/.*\"$2\": \([-+.e0-9]*\)[,}].*/\1/p" "$results/$1"
}

# row LABEL NAME RANKS BATCH
row()
{
	awk -v label="$1" -v shape="$3 x $4" -v loss="$(value "$2" train_loss)" \
		-v accuracy="$(value "$2" test_accuracy)" \
		-v speed="$(value "$2" images_per_second)" 'BEGIN {
		printf "%-14s  %13s  %10.4f  %11.2f %%  %8.0f\n",
		       label, shape, loss, 100 * accuracy, speed }'
}

title="1 of 3: local batch norm, 2 ranks x $batch images"
train local 2 --bn local --batch "$batch"
title="2 of 3: synchronized batch norm, 2 ranks x $batch images"
train synchronized 2 --bn sync --batch "$batch"
title="3 of 3: one process, $((2 * batch)) images"
train one 1 --bn sync --batch $((2 * batch)) --as-ranks 2

echo
printf '%-14s  %13s  %10s  %13s  %8s\n' "batch norm" "ranks x batch" "train loss" "test accuracy" \
	"images/s"
row local local 2 "$batch"
row synchronized synchronized 2 "$batch"
row "one process" one 1 $((2 * batch))
echo

printf 'the synchronized run: '
for phase in moments exchange waiting normalize reduce rest; do
	echo "$phase $(member synchronized "$phase")"
done | awk '
	{ name[NR] = $1; seconds[NR] = $2; all += $2 }
	END {
		for (i = 1; i <= NR; i++)
			printf "%s%s %.2f s (%.0f %%)", (i > 1 ? ", " : ""), name[i], seconds[i],
			       100 * seconds[i] / all
		print ""
	}'
echo "it exchanged moments $(member synchronized calls) times," \
	"$(member synchronized bytes) bytes from rank 0"

awk -v local="$(value local test_accuracy)" -v sync="$(value synchronized test_accuracy)" \
	-v one="$(value one test_accuracy)" '
	function fail(why) { print "demo.sh: " why > "/dev/stderr"; failed = 1 }
	BEGIN {
		if (sync < 0.80)
			fail("the synchronized run is below 80 %")
		if (sync - local < 0.10)
			fail("the synchronized run is less than 10 points above the local one")
		if (sync - one > 0.015 || one - sync > 0.015)
			fail("the synchronized run is not within 1.5 points of the one process")
		exit failed
	}'

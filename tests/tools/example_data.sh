#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad data files and bad options: the example refuses each with exit 2 and one line that says what
# is wrong with which, and never begins to train. Needs BUILD, the build directory.
set -u
export LC_ALL=C

example=${BUILD:?}/examples/fashion_mnist
images=train-images-idx3-ubyte.gz
labels=train-labels-idx1-ubyte.gz
test_images=t10k-images-idx3-ubyte.gz
test_labels=t10k-labels-idx1-ubyte.gz

[ -x "$example" ] || { echo "skipped: the example was not built"; exit 77; }
good=$("$example" --help | sed -n 's/.*(default \(\/.*\))$/\1/p')
[ -r "$good/$images" ] || { echo "skipped: no data in $good"; exit 77; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

report()
{
	if [ "$1" -eq 0 ]; then
		echo "ok $2"
	else
		echo "FAIL $2"
		failed=1
	fi
}

# All four files as they should be, as links, for a test to spoil one of them.
fresh()
{
	rm -rf "$dir/data"
	mkdir "$dir/data"
	for file in "$images" "$labels" "$test_images" "$test_labels"; do
		ln -s "$good/$file" "$dir/data/$file"
	done
}

# refuses NAME TEXT OPTIONS...: exit 2, nothing on stdout, one line on stderr that has TEXT
refuses()
{
	name=$1
	text=$2
	shift 2
	code=0
	timeout 60 "$example" --steps 1 "$@" >"$dir/out" 2>"$dir/err" || code=$?
	if [ "$code" -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qF -- "$text" "$dir/err"; then
		report 0 "$name"
	else
		report 1 "$name: exit $code, expected 2 and '$text': $(cat "$dir/err")"
	fi
}

# refuses_file NAME FILE TEXT: the line names the file, what is wrong, and the package
refuses_file()
{
	refuses "$1" "$dir/data/$2: $3" --data "$dir/data"
	grep -q 'the Debian package dataset-fashion-mnist' "$dir/err"
	report $? "$1: names the package"
}

refuses "standard output in a file's place" "--json -: standard output has" --json -
refuses "a missing directory" "$dir/none/$images: No such file" --data "$dir/none"

fresh
rm "$dir/data/$test_labels"
refuses_file "a missing file" "$test_labels" "No such file"

fresh
rm "$dir/data/$images"
mkdir "$dir/data/$images"
refuses_file "a directory in a file's place" "$images" "not a regular file"

fresh
rm "$dir/data/$labels"
mkfifo "$dir/data/$labels"
refuses_file "a pipe in a file's place" "$labels" "not a regular file"

fresh
rm "$dir/data/$images"
head -c 1000000 "$good/$images" >"$dir/data/$images"
refuses_file "a truncated file" "$images" "ends too early"

fresh
rm "$dir/data/$images"
: >"$dir/data/$images"
refuses_file "an empty file" "$images" "not a gzip file"

fresh
rm "$dir/data/$labels"
gzip -dc "$good/$labels" >"$dir/data/$labels"
refuses_file "a file that is not compressed" "$labels" "not a gzip file"

fresh
rm "$dir/data/$images"
yes garbage | head -c 100000 >"$dir/data/$images"
refuses_file "garbage" "$images" "not a gzip file"

fresh
rm "$dir/data/$test_images"
{
	head -c 200000 "$good/$test_images"
	head -c 100000 /dev/zero
	tail -c +300001 "$good/$test_images"
} >"$dir/data/$test_images"
refuses_file "damage in the middle" "$test_images" "its compressed data is damaged"

fresh
rm "$dir/data/$labels"
{
	cat "$good/$labels"
	echo more
} >"$dir/data/$labels"
refuses_file "bytes behind the gzip stream" "$labels" "goes on behind its last item"

fresh
rm "$dir/data/$labels"
{
	gzip -dc "$good/$labels"
	echo more
} | gzip >"$dir/data/$labels"
refuses_file "bytes behind the last item" "$labels" "goes on behind its last item"

fresh
rm "$dir/data/$labels"
gzip -dc "$good/$labels" | head -c 50000 | gzip >"$dir/data/$labels"
refuses_file "too few items in a whole gzip stream" "$labels" "ends too early"

fresh
ln -sf "$good/$labels" "$dir/data/$images"
refuses_file "labels in the images' place" "$images" "its magic number is 2049, not the 2051 of"

fresh
ln -sf "$good/$test_images" "$dir/data/$images"
ln -sf "$good/$images" "$dir/data/$test_images"
refuses_file "training and test images swapped" "$images" "its count is 10000, not the 60000 of"

fresh
rm "$dir/data/$images"
echo "something else altogether, long enough for a header" | gzip >"$dir/data/$images"
refuses_file "a foreign gzip file" "$images" "its magic number is 1936682341, not the 2051"

fresh
rm "$dir/data/$labels"
{
	gzip -dc "$good/$labels" | head -c 1000
	printf '\012'
	gzip -dc "$good/$labels" | tail -c +1002
} | gzip >"$dir/data/$labels"
refuses_file "a label above 9" "$labels" "label 992 is 10, above 9"

refuses "an unknown option" "did you mean '--steps'?" --stepz 3
refuses "an unknown option with a value" "did you mean '--batch'?" --batches=3
refuses "an option like no other" "--epochs: no such option: --help" --epochs 3
refuses "a word like no other" "--model vgg: no such value: give one of conv|mlp" --model vgg
refuses "an unknown word" "did you mean 'local'?" --bn locale
refuses "a number that is none" "--steps 1x: not a whole number from 1 to" --steps 1x
refuses "a number out of range" "--batch 0: not a whole number from 1 to" --batch 0
refuses "a rate that is none" "--lr nan: not a number above 0" --lr nan
refuses "a missing value" "--seed: its value is missing" --seed
refuses "a word that is no option" "train: not an option" train
refuses "ranks that do not divide the batch" "--as-ranks 3: does not divide --batch 16" --as-ranks 3
refuses "a JSON file in no directory" "$dir/none/a.json: No such file" --json "$dir/none/a.json"
refuses "a device as JSON file" "/dev/null: not a regular file" --json /dev/null

"$example" --steps 2 --quiet --model mlp --json "$dir/a.json" >"$dir/out" 2>&1 &&
	[ ! -s "$dir/out" ] && grep -q '^  "losses": \[[0-9.]*, [0-9.]*\],$' "$dir/a.json"
report $? "good data and options train, quietly"

exit $failed

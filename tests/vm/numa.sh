#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# numa.sh [SCENARIO...]: boots machines with several NUMA nodes in the emulator and looks there at
# the placement of ranks and the node of every page (placement.c); in some it trains the example
# for some steps, most of whose time there goes into reading the data. Without arguments all
# scenarios; check-full has the first two.
set -u
: "${BUILD:?the build directory}" "${SRC:?the source directory}"
here=$SRC/tests/vm
. "$here/machine.sh"
boot_seconds=240
node_mib=320

# scenario NAME: sets the machine, and the number of ranks that it must get
scenario() {
	nodes=2 cpus=2 ranks=2 cpuless='' memless='' distances='' offline=''
	cpuset_cpus='' cpuset_mems='' trains=
	case $1 in
	two) trains=yes ;;
	four) nodes=4 cpus=1 ranks=4 ;;
	eight) nodes=8 cpus=1 ranks=8 ;;
	cpuless) nodes=3 cpuless=2 ;;
	memless) # its CPU joins the nearer neighbour
		nodes=3 cpus=1 memless=1 distances='0:1:30 0:2:20 1:2:15' ;;
	offline) nodes=3 offline='1 4 5' ;;  # half of node 0, all of node 2
	cpuset) # CPUs of node 2, but not its memory; node 1 is nearer to them
		nodes=4 trains=yes cpuset_cpus=0,2-5 cpuset_mems=0-1
		distances='0:1:20 0:2:31 0:3:20 1:2:21 1:3:20 2:3:20' ;;
	*) return 1 ;;
	esac
}
all="two four eight cpuless memless offline cpuset"

# All zeros, but in the form of Fashion-MNIST: small, and quickly read by an emulated CPU.
make_data() {
	local set n name

	mkdir -p "$1"
	for set in train:60000 t10k:10000; do
		n=${set#*:} name=$1/${set%:*}
		{
			printf '\0\0\10\3'
			printf "$(printf '\\x%02x' 0 0 $((n / 256)) $((n % 256)))"
			printf '\0\0\0\34\0\0\0\34'
			head -c $((n * 784)) /dev/zero
		} | gzip -1 >"$name-images-idx3-ubyte.gz"
		{
			printf '\0\0\10\1'
			printf "$(printf '\\x%02x' 0 0 $((n / 256)) $((n % 256)))"
			head -c "$n" /dev/zero
		} | gzip -1 >"$name-labels-idx1-ubyte.gz"
	done
}

# What is the same in all scenarios.
make_tree() {
	mkdir -p "$1"/{bin,dev,proc,sys,payload}
	cp "$(command -v busybox)" "$1/bin/busybox"
	install -m 755 "$here/init" "$1/init"
	install -m 755 "$here/guest.sh" "$1/payload/command"
	install -m 644 "$SRC/tests/tools/expect.sh" "$1/payload/expect"
	add_program "$1" "$BUILD/tools/syncbn-run" payload/syncbn-run
	add_program "$1" "$BUILD/tests/vm/placement" payload/placement
	add_program "$1" "$BUILD/examples/fashion_mnist" payload/fashion_mnist
	make_data "$1/payload/data"
}

run_scenario() {
	local name=$1 settings output code

	scenario "$name" || { echo "FAIL $name: no such scenario"; return 1; }
	settings=$work/root/payload/settings
	for variable in ranks offline cpuset_cpus cpuset_mems trains; do
		printf "%s='%s'\n" "$variable" "${!variable}"
	done >"$settings"
	pack "$work/root" "$work/$name.cpio.gz"
	output=$(boot "$work/$name.cpio.gz" "$nodes" "$cpus")
	code=$?
	sed -E "s/^(ok|FAIL) /\1 $name: /" <<<"$output"
	rm -f "$work/$name.cpio.gz"
	[ $code = 0 ] && return
	echo "FAIL $name: the machine ended with $code"
	return 1
}

why=$(why_no_vm)
[ -z "$why" ] && [ ! -x "$BUILD/examples/fashion_mnist" ] && why="the example was not built"
[ -z "$why" ] && ! fetch_kernel && why="the kernel's package cannot be downloaded"
if [ -n "$why" ]; then
	[ "${CI:-}" != true ] || { echo "FAIL in CI nothing is skipped: $why"; exit 1; }
	echo "skip: $why"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_tree "$work/root"
failed=0
# shellcheck disable=SC2086 # a list of words
for name in ${@:-$all}; do
	run_scenario "$name" || failed=1
done
exit $failed

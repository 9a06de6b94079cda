# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What the tests of syncbn-run share. Every process that a test starts through `mark` carries the
# test's mark in its environment, so that what is left of it can be found.
set -u
# tests run beside each other, and each would tell of the others' runs
export SYNCBN_RUN_SHARED=yes
: "${BUILD:?the build directory}" "${SRC:?the source directory}"
run=$BUILD/tools/syncbn-run
actor=$BUILD/tests/tools/rank_actor
dir=$(mktemp -d)
mark_value=sbn-$$-$RANDOM
trap 'kill_marked; rm -rf "$dir"' EXIT

. "$SRC/tests/tools/expect.sh"

# expect_match NAME PATTERN FILE: a line of FILE matches the extended regular expression
expect_match() {
	if grep -qE -- "$2" "$3"; then
		echo "ok $1"
	else
		echo "FAIL $1: no line \"$2\" in:"
		sed 's/^/	/' "$3"
		failed=1
	fi
}

# run_it ARGS...: syncbn-run to its end; its output in $dir/out and $dir/err, its code in $code
run_it() {
	mark "$run" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# start ARGS...: syncbn-run in the background, as $launcher. Job control, as a script's background
# jobs ignore SIGINT otherwise.
start() {
	: >"$dir/out" # the last run's lines must not be taken for this one's
	: >"$dir/err"
	set -m
	# not through mark(): a function would put a shell between
	env SBN_TEST_MARK="$mark_value" "$run" "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	launcher=$!
	set +m
}

mark() {
	env SBN_TEST_MARK="$mark_value" "$@"
}

# Descriptor 3 becomes a pipe that has had its reader.
open_unread() {
	exec 3> >(:)
	wait $!
}

# Prints the processes with our mark that are no zombies (those have no environment).
marked() {
	grep -lzxsF "SBN_TEST_MARK=$mark_value" /proc/[0-9]*/environ | cut -d/ -f3
}

kill_marked() {
	local pid

	for pid in $(marked); do
		kill -KILL "$pid" 2>/dev/null
	done
}

# rank_pid RANK
rank_pid() {
	marked | while read -r pid; do
		grep -qzxsF "RANK=$1" "/proc/$pid/environ" && echo "$pid"
	done
}

none_marked() {
	[ -z "$(marked)" ]
}

# until_true COMMAND...: looks again and again, for 20 seconds at most
until_true() {
	local end=$((SECONDS + 20))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# n_lines N TEXT FILE: FILE has N lines with TEXT
n_lines() {
	[ "$(grep -cF -- "$2" "$3")" = "$1" ]
}

# expect_until NAME COMMAND...
expect_until() {
	local name=$1

	shift
	until_true "$@"
	expect "$name" 0 $?
}

shm_names() {
	find /dev/shm -maxdepth 1 -name 'syncbn*' 2>/dev/null | sort
}

# Makes a memory cgroup of 64 MiB and prints its folder; nothing where none can be made.
small_cgroup() {
	local own name=sbn-test-$$ folder

	own=$(sed -n 's/^[0-9]*:memory:\(.*\)/\1/p' /proc/self/cgroup)
	for folder in "/sys/fs/cgroup/memory${own%/}/$name" "/sys/fs/cgroup/memory/$name"; do
		mkdir "$folder" 2>/dev/null || continue
		echo 64M >"$folder/memory.limit_in_bytes" && echo "$folder"
		echo 64M >"$folder/memory.memsw.limit_in_bytes" 2>/dev/null
		return
	done
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	for folder in "/sys/fs/cgroup${own%/}/$name" "/sys/fs/cgroup/$name"; do
		mkdir "$folder" 2>/dev/null || continue
		[ -e "$folder/memory.max" ] || { rmdir "$folder"; continue; }
		echo 64M >"$folder/memory.max" && echo "$folder"
		echo 0 >"$folder/memory.swap.max" 2>/dev/null
		return
	done
}

finish() {
	exit $failed
}

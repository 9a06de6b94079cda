# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# An emulated machine with several NUMA nodes: QEMU's own emulation of x86 (no KVM is needed), with
# the kernel that Debian makes for clouds, which needs no module. Nothing is installed: the kernel's
# package is downloaded and unpacked. Everything that is kept lies in $BUILD/vm.
vm=$BUILD/vm

# why_no_vm: prints what is missing; nothing where all is there
why_no_vm() {
	local tool

	for tool in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio; do
		command -v "${tool%:*}" >/dev/null && continue
		echo "${tool%:*} is missing (Debian: apt-get install ${tool#*:})"
		return
	done
	[ "$(uname -m)" = x86_64 ] || echo "the emulated machine is an x86_64 and runs this build"
}

# fetch_kernel: puts the kernel's image into $vm/kernel
fetch_kernel() (
	[ ! -s "$vm/kernel" ] || exit 0
	mkdir -p "$vm/download" && cd "$vm/download" || exit 1
	package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
	[ -n "$package" ] && apt-get download -q "$package" >/dev/null 2>&1 || exit 1
	dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO --wildcards './boot/vmlinuz-*' \
		>"$vm/kernel.part" && mv "$vm/kernel.part" "$vm/kernel"
	rm -f "$package"_*.deb
)

# add_program ROOT PROGRAM PLACE: copies PROGRAM to ROOT/PLACE, and the libraries that it loads
add_program() {
	local library

	install -D -m 755 "$2" "$1/$3"
	for library in $(ldd "$2" 2>/dev/null | grep -oE '/[^ ]+'); do
		[ -e "$1$library" ] || install -D -m 755 "$(readlink -f "$library")" "$1$library"
	done
}

# pack ROOT FILE: the tree as the kernel unpacks it at its start
pack() {
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$2"
}

# boot INITRD NODES CPUS: a machine of NODES nodes with CPUS CPUs each; prints what the command in
# it writes. Nodes in $cpuless have no CPUs, those in $memless no memory; $distances between nodes
# are A:B:VALUE, of all pairs or of none. Its exit code, 125: none
boot() {
	local n=$2 cpus=$3 node cpu=0 mib=0 log code distance from to
	local -a arguments=()

	for ((node = 0; node < n; node++)); do
		local what="node,nodeid=$node"

		if [[ " ${cpuless:-} " != *" $node "* ]]; then
			what+=",cpus=$cpu-$((cpu + cpus - 1))"
			cpu=$((cpu + cpus))
		fi
		if [[ " ${memless:-} " != *" $node "* ]]; then
			arguments+=(-object "memory-backend-ram,id=m$node,size=${node_mib}M")
			what+=",memdev=m$node"
			mib=$((mib + node_mib))
		fi
		arguments+=(-numa "$what")
	done
	for distance in ${distances:-}; do
		IFS=: read -r from to distance <<<"$distance"
		arguments+=(-numa "dist,src=$from,dst=$to,val=$distance")
	done
	log=$(mktemp)
	# not thread=single: ranks must run beside each other
	timeout "$boot_seconds" qemu-system-x86_64 -nodefaults -no-user-config -M pc,usb=off \
		-accel tcg,thread=multi -cpu max -m "${mib}M" \
		-smp "$cpu,sockets=$((cpu / cpus)),cores=$cpus,threads=1" "${arguments[@]}" \
		-display none -no-reboot -kernel "$vm/kernel" -initrd "$1" -append \
		"console=ttyS0 panic=-1 mitigations=off 8250.nr_uarts=2 loglevel=4 quiet" \
		-serial file:"$log.console" -serial file:"$log" -monitor none </dev/null
	grep -av '^@@ exit' "$log"
	code=$(sed -n 's/^@@ exit //p' "$log")
	[ -n "$code" ] || tail -n 20 "$log.console"
	rm -f "$log" "$log.console"
	return "${code:-125}"
}

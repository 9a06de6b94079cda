#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kernels of AVX-512 on a machine without it: Bochs emulates such a CPU, with the kernel and the
# first file system of tests/vm. They must give the bits that plain C gives here, in a part of the
# sweep, and pass their tests that take seconds there (some hundred times as long as here).
set -u
: "${BUILD:?the build directory}" "${SRC:?the source directory}"
here=$SRC/tests/vm
. "$here/machine.sh"
seconds=900
step=499 # of the sweep's cases
tests="coefficients merge activation moments"

why_no_bochs() {
	local tool missing

	grep -qw avx512vl /proc/cpuinfo && echo "this CPU has AVX-512, and all tests run there"
	"$BUILD/tests/unit/kernels_digest" 100000 >/dev/null || echo "there is no kernels_digest"
	for tool in bochs-bin:bochs xorriso:xorriso script:bsdutils; do
		command -v "${tool%:*}" >/dev/null && continue
		echo "${tool%:*} is missing (Debian: apt-get install ${tool#*:})"
	done
	for missing in /usr/share/bochs/BIOS-bochs-latest:bochsbios \
		/usr/share/bochs/VGABIOS-lgpl-latest:vgabios \
		/usr/lib/ISOLINUX/isolinux.bin:isolinux \
		/usr/lib/syslinux/modules/bios/ldlinux.c32:syslinux-common; do
		[ -e "${missing%:*}" ] || echo "${missing%:*} is missing (Debian: ${missing#*:})"
	done
	why_no_vm
}

# What the guest does: it is run by tests/vm/init, and its exit code is the test's.
write_command() {
	cat <<-END
	grep -qw avx512vl /proc/cpuinfo || { echo "the emulated CPU has no AVX-512"; exit 1; }
	for name in $tests; do
		./\$name >log 2>&1 && echo "ok avx512: kernels_\${name}_test" && continue
		echo "FAIL avx512: kernels_\${name}_test"
		cat log
	done
	echo "@@ digest"
	./digest $step
	END
}

make_tree() {
	local name

	mkdir -p "$1"/{bin,dev,proc,sys,payload}
	cp "$(command -v busybox)" "$1/bin/busybox"
	install -m 755 "$here/init" "$1/init"
	write_command >"$1/payload/command"
	add_program "$1" "$BUILD/tests/unit/kernels_digest" payload/digest
	for name in $tests; do
		add_program "$1" "$BUILD/tests/unit/kernels_${name}_test" "payload/$name"
	done
	find "$1/payload" -type f -perm -u+x -exec strip -g {} +
}

# for the guest's kernel: a second serial port, no time lost, and no state of the vectors that is
# packed, as Bochs has it otherwise than it says
kernel_arguments="console=ttyS0 8250.nr_uarts=2 quiet rdinit=/init panic=-1 nokaslr nosmp"
kernel_arguments+=" mitigations=off tsc_early_khz=50000 noxsaves clearcpuid=xsavec"

# make_disc TREE FOLDER: what the emulator starts from
make_disc() {
	mkdir -p "$2/iso/isolinux"
	pack "$1" "$2/iso/initrd"
	cp "$vm/kernel" "$2/iso/kernel"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 \
		"$2/iso/isolinux/"
	cat >"$2/iso/isolinux/isolinux.cfg" <<-END
	default run
	prompt 0
	label run
	 kernel /kernel
	 initrd /initrd
	 append $kernel_arguments
	END
	xorriso -as mkisofs -quiet -o "$2/disc" -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table "$2/iso" 2>/dev/null
}

# emulate FOLDER: its disc; what the command writes goes to FOLDER/said
emulate() {
	cat >"$1/settings" <<-END
	config_interface: textconfig
	display_library: term
	plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
	memory: guest=512, host=512
	romimage: file=/usr/share/bochs/BIOS-bochs-latest
	vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
	cpu: model=corei7_skylake_x, count=1, ips=50000000, ignore_bad_msrs=1
	ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
	ata0-master: type=cdrom, path=$1/disc, status=inserted
	boot: cdrom
	com1: enabled=1, mode=file, dev=$1/console
	com2: enabled=1, mode=file, dev=$1/said
	clock: sync=none, time0=utc
	log: $1/log
	panic: action=fatal
	error: action=report
	info: action=report
	debug: action=ignore
	END
	echo c >"$1/go" # Debian's Bochs begins in its debugger
	TERM=vt100 timeout -k 5 "$seconds" script -qec \
		"bochs-bin -q -f '$1/settings' -rc '$1/go' >'$1/bochs' 2>&1" /dev/null \
		</dev/null >/dev/null 2>&1
}

# hashes_of NAME TYPE FILE: the hashes
hashes_of() {
	awk -v name="$1" -v type="$2" '$1 == name && $2 == type { print $3 }' "$3"
}

# Of float16 with AVX2 as it is there: the emulator's conversions (F16C) are not this CPU's.
same_digests() {
	local type wanted failed=0

	"$BUILD/tests/unit/kernels_digest" "$step" >"$1/here" || return
	sed '1,/^@@ digest/d; /^@@/d' "$1/said" | tr -d '\r' >"$1/there"
	for type in f32 f64 bf16 f16; do
		wanted=$(hashes_of scalar $type "$1/here")
		[ $type != f16 ] || wanted=$(hashes_of avx2 $type "$1/there")
		[ "$(hashes_of avx512 $type "$1/there")" = "${wanted:-none}" ] || failed=1
	done
	return $failed
}

reason=$(why_no_bochs | head -n 1)
if [ -n "$reason" ]; then
	echo "skip: $reason"
	exit 77
fi
fetch_kernel || { echo "skip: the kernel's package cannot be downloaded"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_tree "$work/tree"
make_disc "$work/tree" "$work" && emulate "$work"
if ! grep -q '^@@ exit 0' "$work/said" 2>/dev/null; then
	echo "FAIL avx512: the emulated machine did not come to its end"
	tail -n 20 "$work/console" "$work/bochs" "$work/log"
	exit 1
fi
sed '/^@@ digest/,$d' "$work/said"
failed=$(grep -c '^FAIL' "$work/said")
if same_digests "$work"; then
	echo "ok avx512: the bits of plain C, in a part of the sweep"
else
	echo "FAIL avx512: other bits than plain C's"
	cat "$work/here" "$work/there"
	failed=1
fi
exit $((failed != 0))

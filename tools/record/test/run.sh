#!/bin/sh
# Records in a real kernel: boots a Debian kernel in QEMU (TCG, no KVM needed), runs record.sh and the probe module in
# it, and copies what they made to OUT. Takes two to six minutes for each boot, as busy as the host is. Then decpool imports it.
#
# usage: run.sh OUT [--root DIR] [--boot | --short | --bpftrace] [--append WORDS] [--memory SIZE] [--cpus N]
#   --root DIR   unpacked Debian packages: linux-image, linux-headers (amd64, common), linux-kbuild
#                (default: those of linux-image-amd64, downloaded by apt-get)
#   --boot       record from boot on, by the kernel command line of record.sh --print-cmdline
#   --short      only one recording of the drivers: no signals, no probe runs
#   --bpftrace   only one recording of the drivers by decpool.bt, with the bpftrace of this machine
#   --append W   words for the kernel command line, such as swiotlb=force
#   --busybox F  a static busybox for the guest (default: that of this machine)
# A root of an arm64 kernel needs --busybox and qemu-system-arm. It gets no probe module: drivers convert nothing there.
# needs: qemu-system-x86, busybox-static, cpio, xz-utils, gcc, make; for --bpftrace also bpftrace
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=$(cd "$here/../.." && pwd)
out=
root=
boot=
mode=all
append=
memory=1G
cpus=2
busybox=$(command -v busybox)
while [ $# -gt 0 ]; do
	case $1 in
	--root) root=$(cd "$2" && pwd); shift ;;
	--boot) boot=yes ;;
	--short) mode=short ;;
	--bpftrace) mode=bpftrace ;;
	--append) append=$2; shift ;;
	--busybox) busybox=$2; shift ;;
	--memory) memory=$2; shift ;;
	--cpus) cpus=$2; shift ;;
	-*) echo "run.sh: '$1': no such option" >&2; exit 2 ;;
	*) out=$1 ;;
	esac
	shift
done
[ -n "$out" ] || { echo "run.sh: expected a folder for what is recorded" >&2; exit 2; }
[ ! -e "$out" ] || { echo "run.sh: $out: exists already" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$root" ]; then
	root=$work/root
	image=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
	headers=linux-headers-${image#linux-image-}
	parts=$(apt-cache depends "$headers" | sed -n 's/.*Depends: \(linux-headers-.*common\|linux-kbuild-.*\)/\1/p')
	(cd "$work" && apt-get download -q "$image" "$headers" $parts)
	for package in "$work"/*.deb; do dpkg -x "$package" "$root"; done
fi
# Debian 13 has /lib in /usr.
[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
release=$(basename "$(ls -d "$root"/lib/modules/* | head -1)")

ram=$work/initramfs
mkdir -p "$ram/bin" "$ram/proc" "$ram/sys" "$ram/dev" "$ram/tmp"
if grep -q '^CONFIG_ARM64=y' "$root/boot/config-$release"; then machine=aarch64; else machine=x86_64; fi

# The probe, against these headers. Without pahole there is no BTF, and none is needed.
build_probe() {
	cp -r "$tools/probe" "$work/probe"
	cp -r "$root/usr/src/linux-headers-$release" "$work/headers"
	common=$(ls -d "$root"/usr/src/linux-headers-*-common | head -1)
	kbuild=$(ls -d "$root"/usr/lib/linux-kbuild-* | head -1)
	echo "include $common/Makefile" >"$work/headers/Makefile"
	rm -f "$work/headers/scripts" "$work/headers/tools"
	ln -s "$kbuild/scripts" "$work/headers/scripts"
	ln -s "$kbuild/tools" "$work/headers/tools"
	make -C "$work/probe" KDIR="$work/headers" CONFIG_DEBUG_INFO_BTF_MODULES= >"$work/make.log" 2>&1 || {
		cat "$work/make.log" >&2
		exit 1
	}
	cp "$work/probe/decpool_probe.ko" "$ram/"
}
[ $machine = aarch64 ] || build_probe

# The initramfs: busybox, the drivers of the emulated devices with what they need, and the scripts.
cp "$busybox" "$ram/bin/busybox"
cp "$tools/record/record.sh" "$ram/record.sh"
cp "$here/guest.sh" "$ram/init"
chmod +x "$ram/init"
echo "$mode" >"$ram/mode"
if [ "$mode" = bpftrace ]; then
	mkdir -p "$ram/usr/bin"
	cp "$(command -v bpftrace)" "$ram/usr/bin/"
	cp "$tools/record/decpool.bt" "$ram/"
	# Its libraries, where the loader looks for them.
	ldd "$(command -v bpftrace)" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$ram/$(dirname "$library")"
		cp -L "$library" "$ram/$library"
	done
fi
[ -s "$root/lib/modules/$release/modules.dep" ] || busybox depmod -b "$root" "$release"
copy_module() {
	line=$(grep "/$1\.ko[^:]*:" "$root/lib/modules/$release/modules.dep" | head -1)
	for path in $(echo "$line" | tr -d ':'); do
		to=$ram/lib/modules/$release/${path%.xz}
		mkdir -p "$(dirname "$to")"
		case $path in
		*.xz) xz -dc "$root/lib/modules/$release/$path" >"$to" ;;
		*) cp "$root/lib/modules/$release/$path" "$to" ;;
		esac
	done
}
for driver in nvme virtio_pci virtio_net virtio_blk e1000; do copy_module $driver; done
busybox depmod -b "$ram" "$release"
(cd "$ram" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs.gz"

truncate -s 64M "$work/disk1" "$work/disk2"
# On a busy host the emulator stalls, which is no complaint of the kernel, and its timer is late.
words="panic=1 quiet mitigations=off no_timer_check rcupdate.rcu_cpu_stall_suppress=1 $append"
[ -z "$boot" ] || words="$words $(DECPOOL_MACHINE=$machine sh "$tools/record/record.sh" --print-cmdline)"
if [ $machine = aarch64 ]; then
	set -- qemu-system-aarch64 -machine virt,accel=tcg -cpu cortex-a72 -append "console=ttyAMA0 $words" -serial mon:stdio
else
	set -- qemu-system-x86_64 -machine q35,accel=tcg -cpu max,la57=off -append "console=ttyS0 $words" \
		-serial mon:stdio -serial "file:$work/out.b64"
fi
timeout 850 "$@" -m "$memory" -smp "$cpus" -nographic -no-reboot \
	-kernel "$root/boot/vmlinuz-$release" -initrd "$work/initramfs.gz" \
	-drive if=none,id=d1,format=raw,file="$work/disk1" -device nvme,drive=d1,serial=1 \
	-drive if=none,id=d2,format=raw,file="$work/disk2" -device virtio-blk-pci,drive=d2,disable-legacy=on,iommu_platform=on \
	-netdev user,id=n1 -device virtio-net-pci,netdev=n1,romfile=,disable-legacy=on,iommu_platform=on \
	-netdev user,id=n2 -device e1000,netdev=n2,romfile= </dev/null | sed -u 's|\r||g' | tee "$work/console.log"
# A machine with one serial port sends the result through it.
[ $machine = x86_64 ] || sed -n '/^guest: begin/,/^guest: end/p' "$work/console.log" | grep -v '^guest:' >"$work/out.b64"
grep -q '^guest: done' "$work/console.log" || { echo "run.sh: the guest did not finish" >&2; exit 1; }
mkdir -p "$out"
base64 -di "$work/out.b64" | tar -xzf - -C "$out"
grep '^guest:' "$work/console.log" >"$out/console.log"
echo "run.sh: written: $out"

# What decpool makes of it.
command -v node >/dev/null || { echo "run.sh: no node, so nothing is imported"; exit 0; }
decpool() {
	echo "\$ decpool $*"
	node "$tools/../packages/bench/bin/decpool.js" "$@"
}
for recording in "$out/recording" "$out/rebind.tar.gz"; do
	[ ! -e "$recording" ] || decpool compare --recording "$recording" --out "$out/results" || failed=yes
done
[ ! -e "$out/boot" ] || decpool compare --recording "$out/boot" --memory "$memory" --out "$out/results" || failed=yes
[ ! -e "$out/bpftrace.txt" ] ||
	decpool compare --trace "$out/bpftrace.txt" --memory-state "$out/recording/before" --out "$out/results" || failed=yes
if [ -e "$out/exact" ]; then
	decpool validate --exact "$out"/exact/*/* || failed=yes
	decpool validate "$out/conversions/conversions.csv.gz" || failed=yes
fi
[ -z "${failed:-}" ] || { echo "run.sh: decpool did not accept what the guest wrote" >&2; exit 1; }

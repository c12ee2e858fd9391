#!/bin/busybox sh
# The init of the test guest: records while drivers of emulated devices take and give back shared memory, then sends
# what it recorded through the second serial port.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tracefs tracefs /sys/kernel/tracing
mkdir -p /tmp/out

fail() {
	echo "guest: FAILED: $*"
	sleep 1
	poweroff -f
}

# x86-64 only. On other machines drivers convert nothing, and events/dma has their requests.
has_probe=
if [ -e /decpool_probe.ko ]; then
	insmod /decpool_probe.ko || fail "decpool_probe.ko"
	echo confidential >/proc/decpool_probe || fail "the confidential-guest switch"
	has_probe=yes
fi
printf "$(sed 's/\x00/ /g' /proc/cmdline)" | grep -q kprobe_event && boot=yes

cat >/tmp/drivers.sh <<'END'
#!/bin/sh
# Devices come and go, as in a hot-plug.
for round in 1 2; do
	for driver in nvme virtio_net virtio_blk e1000; do
		modprobe $driver 2>/dev/null && echo "guest: $driver probed"
	done
	sleep 2
	for disk in /dev/nvme0n1 /dev/vda; do
		[ ! -e $disk ] || dd if=$disk of=/dev/null bs=64k count=64 2>/dev/null
	done
	ip link set eth0 up 2>/dev/null
	[ $round = 2 ] || for driver in e1000 virtio_blk virtio_net nvme; do rmmod $driver 2>/dev/null; done
done
END
# No module is loaded or unloaded here: all splits are those of conversions, and each function has its name.
cat >/tmp/rebind.sh <<'END'
#!/bin/sh
for link in /sys/bus/pci/drivers/nvme/0000:* /sys/bus/pci/drivers/virtio-pci/0000:* /sys/bus/pci/drivers/e1000/0000:*; do
	driver=${link%/*} device=${link##*/}
	echo $device >$driver/unbind
	echo $device >$driver/bind
	echo "guest: $device bound again"
done
sleep 2
END
chmod +x /tmp/drivers.sh /tmp/rebind.sh

# Nothing of the recorder stays in the kernel.
expect_clean() {
	! grep -q . /sys/kernel/tracing/kprobe_events || fail "probes are left after $1"
	[ -z "$(ls /sys/kernel/tracing/instances)" ] || fail "instances are left after $1"
}

# Sends a signal to the process of /tmp/pid, two seconds after the instance began to record.
signal_while_recording() {
	until grep -q 1 "/sys/kernel/tracing/instances/$2/tracing_on" 2>/dev/null; do sleep 1; done
	sleep 2
	kill "-$1" "$(cat /tmp/pid)"
}

# By decpool.bt. Names of the functions of a stack are looked up afterwards, which takes long in an emulated guest.
by_bpftrace() {
	mount -t debugfs debug /sys/kernel/debug
	ulimit -l unlimited
	/usr/bin/bpftrace /decpool.bt >/tmp/out/bpftrace.txt 2>/tmp/bpftrace.err &
	bpftrace=$!
	for second in $(seq 120); do
		[ "$(grep -c -E ' (dma_(alloc|free)_attrs|set_memory_(de|en)crypted)\+' /sys/kernel/debug/kprobes/list)" -lt 5 ] || break
		kill -0 $bpftrace || break
		sleep 1
	done
	echo "guest: bpftrace attached after $second s"
	# record.sh sees the same events, so what the two wrote can be compared.
	sh /record.sh --out /tmp/out/recording -- /tmp/drivers.sh || fail "record.sh beside bpftrace"
	expect_clean "a recording beside bpftrace"
	kill -INT $bpftrace
	wait $bpftrace || { cat /tmp/bpftrace.err; fail "decpool.bt"; }
}

mode=$(cat /mode)
echo "guest: before: $(grep -c decpool /sys/kernel/tracing/kprobe_events) probes"
if [ "$mode" = bpftrace ]; then
	by_bpftrace
elif [ -z "$boot" ]; then
	sh /record.sh --out /tmp/out/recording -- /tmp/drivers.sh || fail "record.sh -- COMMAND"
	expect_clean "a recording"
fi
if [ "$mode" != all ]; then
	has_probe=
elif [ -z "$boot" ]; then
	sh /record.sh --out /tmp/out/recording -- true && fail "an existing folder was written over"

	# SIGINT: what was recorded until then is kept, and nothing stays in the kernel.
	signal_while_recording INT decpool_pages &
	sh -c 'echo $$ >/tmp/pid; exec sh /record.sh --out /tmp/out/interrupted --pages --buffer-kb 1024'
	expect_clean SIGINT
	grep -q '^ended=interrupted' /tmp/out/interrupted/recording || fail "SIGINT lost the recording"

	# SIGKILL, then --clean.
	signal_while_recording KILL decpool_dma &
	sh -c 'echo $$ >/tmp/pid; exec sh /record.sh --out /tmp/out/killed --seconds 60'
	grep -q decpool /sys/kernel/tracing/kprobe_events || fail "the killed recording left no probes to clean"
	sh /record.sh --clean
	expect_clean --clean
	rm -rf /tmp/out/killed*

	sh /record.sh --out /tmp/out/rebind.tar.gz -- /tmp/rebind.sh || fail "a .tar.gz"
else
	/tmp/drivers.sh
	sh /record.sh --out /tmp/out/boot --boot || fail "record.sh --boot"
fi

if [ -n "$has_probe" ]; then
	probe() {
		echo "$1" >/proc/decpool_probe || fail "probe: $1"
	}
	# Removed probes give their pages back a little later, and that may split mappings too.
	sleep 5
	for run in 'mix 0' 'convert-mix 1'; do
		set -- $run
		mkdir -p /tmp/out/exact/qemu/fresh-$1-1
		probe "seed 1"
		probe "label fresh $1"
		probe "convert $2"
		probe "plan 600 4 40"
		probe table
		probe "map before"
		grep '^#map,before,[0-9]' /proc/decpool_probe >/tmp/out/exact/qemu/fresh-$1-1/directmap
		probe run
		gzip -c </proc/decpool_probe >/tmp/out/exact/qemu/fresh-$1-1/freelists.gz
		probe release
	done
	mkdir -p /tmp/out/conversions
	probe table
	probe "map start"
	for id in 0 1 2 3 4 5 6 7; do probe "take $id $id"; done
	for id in 1 3 5 7; do probe "give $id"; done
	# A 2M mapping outside of the kernel's image: that has a second mapping, which splits as well.
	image=$(sed -n 's/^ *\([0-9a-f]*\)-\([0-9a-f]*\) : Kernel .*/\1 \2/p' /proc/iomem)
	first=$((0x$(echo "$image" | head -1 | cut -d' ' -f1) >> 12))
	last=$((0x$(echo "$image" | tail -1 | cut -d' ' -f2) >> 12))
	block=$(sed -n 's/^#map,start,\([0-9]*\),\([0-9]*\),2,.*/\1/p' /proc/decpool_probe |
		awk -v first="$first" -v last="$last" '$1 + 512 <= first || $1 > last { print $1; exit }')
	[ -n "$block" ] || fail "the kernel's image leaves no 2M mapping"
	probe "decrypt $block 100"
	probe "encrypt $block 100"
	probe "map end"
	gzip -c </proc/decpool_probe >/tmp/out/conversions/conversions.csv.gz
	echo "{\"kernel\": \"$(uname -r)\"}" >/tmp/out/conversions/meta.json
fi

dmesg | grep -E 'BUG:|WARNING:|Oops:|Call Trace' && fail "the kernel complains"
tar -czf /tmp/out.tar.gz -C /tmp/out . && base64 /tmp/out.tar.gz >/tmp/out.b64
if [ "$(uname -m)" = x86_64 ]; then
	stty -F /dev/ttyS1 raw
	cat /tmp/out.b64 >/dev/ttyS1
else
	echo "guest: begin"
	cat /tmp/out.b64
	echo "guest: end"
fi
echo "guest: done"
sleep 1
poweroff -f

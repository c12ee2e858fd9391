#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Records what a Linux guest does with shared memory, for `decpool compare --recording`.
# Needs root, tracefs and a POSIX shell (busybox is enough). No compiler, no package.
#
# It traces in tracing instances of its own, so that tracing by others goes on undisturbed. What it sets up in the
# kernel it takes away again, also after SIGINT and SIGTERM. After SIGKILL: record.sh --clean.

usage() {
	cat <<'TEXT'
usage: record.sh --out OUT [--seconds N | -- COMMAND...]   record for N seconds, while COMMAND runs, or until Ctrl-C
       record.sh --out OUT --boot                          collect what the kernel recorded since boot
       record.sh --print-cmdline                           words for the kernel command line, for --boot
       record.sh --clean                                   remove what a killed recording left in the kernel

  --out OUT        new folder, or new file if it ends in .tar.gz
  --pages          also record every page allocation and free
  --buffer-kb N    trace buffer of each CPU and instance, in KiB (default: 8192; with --pages 65536 for those)
TEXT
}

die() {
	echo "record.sh: $*" >&2
	exit 2
}

say() {
	echo "record.sh: $*" >&2
}

# ---- arguments ----

out= seconds= mode=interrupt pages=0 buffer_kb=8192 pages_kb=65536
while [ $# -gt 0 ]; do
	case $1 in
	--out) [ $# -gt 1 ] || die "--out: expected a folder or a .tar.gz file"; out=$2; shift ;;
	--seconds)
		case ${2:-} in '' | *[!0-9]* | 0*) die "--seconds '${2:-}': expected a whole number from 1" ;; esac
		mode=seconds seconds=$2; shift ;;
	--boot) mode=boot ;;
	--pages) pages=1 ;;
	--buffer-kb)
		case ${2:-} in '' | *[!0-9]* | 0*) die "--buffer-kb '${2:-}': expected a whole number from 1" ;; esac
		buffer_kb=$2 pages_kb=$2; shift ;;
	--print-cmdline) mode=print-cmdline ;;
	--clean) mode=clean ;;
	--help | -h) usage; exit 0 ;;
	--)
		shift
		[ $# -gt 0 ] || die "--: expected a command behind it"
		[ "$mode" = interrupt ] || die "give one of --seconds, --boot and a command"
		mode=command
		break ;;
	*) usage >&2; die "'$1': no such option" ;;
	esac
	shift
done

# ---- probes ----

# Registers of the first three arguments of a function, and a variable that tells where the direct map begins.
# DECPOOL_MACHINE: for --print-cmdline, the machine that will boot.
machine=${DECPOOL_MACHINE:-$(uname -m)}
case $machine in
x86_64) a1=%di a2=%si a3=%dx bases='page_offset_base vmalloc_base' ;;
aarch64 | arm64) a1=%x0 a2=%x1 a3=%x2 bases='memstart_addr' ;;
*) die "machine $machine: expected x86_64 or aarch64" ;;
esac

# decpool reads the names. $1, $2: what else a call and its return record.
conversion_probes() {
	echo "p:decpool/setdec set_memory_decrypted addr=$a1:x64 npages=$a2:s32$1"
	echo "p:decpool/setenc set_memory_encrypted addr=$a1:x64 npages=$a2:s32$1"
	echo "r:decpool/setdecret set_memory_decrypted ret=\$retval:s32$2"
	echo "r:decpool/setencret set_memory_encrypted ret=\$retval:s32$2"
}

# Entries of the direct map by size: DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo. Calls and returns record
# them, so each split has the conversion that made it: others split mappings too, such as set_memory_ro() of a module.
MAP_COUNTS=' map4k=@direct_pages_count+8:u64 map2m=@direct_pages_count+16:u64 map1g=@direct_pages_count+24:u64'

# struct device begins with its kobject, and that with its name.
buffer_probes() {
	echo "p:decpool/cohalloc dma_alloc_attrs dev=+0(+0($a1)):string size=$a2:u64"
	echo "r:decpool/cohallocr dma_alloc_attrs cpu_addr=\$retval:x64"
	echo "p:decpool/cohfree dma_free_attrs cpu_addr=$a3:x64"
}

# Events of the kernel's own: coherent buffers, streaming maps (names differ between versions), bounce buffers.
DMA_EVENTS='dma/dma_alloc dma/dma_free dma/dma_alloc_pages dma/dma_free_pages dma/dma_alloc_sgt dma/dma_alloc_sgt_err
	dma/dma_free_sgt dma/dma_map_page dma/dma_unmap_page dma/dma_map_phys dma/dma_unmap_phys dma/dma_map_sg
	dma/dma_unmap_sg swiotlb/swiotlb_bounced'
PAGE_EVENTS='kmem/mm_page_alloc kmem/mm_page_free'

print_cmdline() {
	# The list of the kernel command line: commas for spaces, semicolons between probes.
	probes=$( { conversion_probes '' ''; buffer_probes; } | tr ' \n' ',;' | sed 's/;$//')
	echo "kprobe_event=\"$probes\" trace_event=dma:dma_alloc,dma:dma_free,swiotlb:swiotlb_bounced,module:module_free trace_buf_size=${buffer_kb}k trace_clock=mono"
}
if [ "$mode" = print-cmdline ]; then
	print_cmdline
	exit 0
fi

# ---- root, tracefs ----

[ "$(id -u)" = 0 ] || die "must run as root: tracefs, /proc/kpageflags and /proc/pagetypeinfo are for root only"
T=
mounted=0
for dir in /sys/kernel/tracing /sys/kernel/debug/tracing; do
	[ -e "$dir/kprobe_events" ] && { T=$dir; break; }
done
if [ -z "$T" ]; then
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null && mounted=1
	T=/sys/kernel/tracing
	if [ ! -e $T/kprobe_events ]; then
		[ $mounted = 0 ] || umount $T
		die "no $T/kprobe_events: needs a kernel with CONFIG_KPROBE_EVENTS, and no lockdown"
	fi
fi

unmount() {
	[ $mounted = 0 ] || umount "$T" 2>/dev/null
}

INSTANCES='decpool_conversions decpool_dma decpool_pages decpool_cost'

# Leaves no instance and no probe of ours. Probes can be removed once no instance uses them.
clean() {
	for name in $INSTANCES; do
		dir=$T/instances/$name
		[ -d "$dir" ] || continue
		echo 0 >"$dir/tracing_on"
		echo 0 >"$dir/events/enable"
		# A trigger holds its event.
		for trigger in "$dir"/events/decpool/*/trigger; do
			[ -e "$trigger" ] && echo '!stacktrace' >"$trigger"
		done
		rmdir "$dir"
	done 2>/dev/null
	grep -o '[pr][0-9]*:decpool/[a-z_]*' "$T/kprobe_events" 2>/dev/null | while IFS=: read -r _ name; do
		echo "-:$name" >>"$T/kprobe_events"
	done
}

if [ "$mode" = clean ]; then
	clean
	unmount
	exit 0
fi

# ---- the folder ----

trap unmount EXIT
[ -n "$out" ] || die "expected --out with a new folder or .tar.gz file"
[ ! -e "$out" ] || die "$out: exists already; name another one with --out"
case $out in
*.tar.gz) folder=${out%.tar.gz}.partial ;;
*) folder=$out.partial ;;
esac
for name in $INSTANCES; do
	[ ! -d "$T/instances/$name" ] || die "another recording is under way. If it was killed: record.sh --clean"
done
[ ! -e "$folder" ] || die "$folder: left by a killed recording; remove it"
mkdir -p "$folder" || die "$folder: cannot be made"

child=
ended=
finishing=0
leave() {
	trap - EXIT
	[ "$mode" = boot ] || clean
	unmount
	rm -rf "$folder"
	exit "$1"
}
stop() {
	# Once: it ends the recording. Before and after the recording: nothing is kept.
	if [ -n "$recording" ] && [ -z "$ended" ]; then
		ended=interrupted
		[ -z "$child" ] || kill -TERM "$child" 2>/dev/null
	elif [ $finishing = 0 ]; then
		say "interrupted: nothing is kept"
		leave 130
	fi
}
recording=
trap stop INT TERM HUP
trap 'leave $?' EXIT

note() {
	echo "$*" >>"$folder/recording"
}

uptime_s() {
	cut -d' ' -f1 /proc/uptime
}

# Seconds with two decimals between two of uptime_s.
between() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b - a }'
}

# ---- the state of memory ----

copy_state() {
	mkdir "$folder/$1"
	# kpageflags first: it is the longest to read, and pagetypeinfo changes the state that it shows.
	[ ! -r /proc/kpageflags ] || dd if=/proc/kpageflags bs=1M 2>/dev/null | gzip -c >"$folder/$1/kpageflags.gz"
	for name in buddyinfo pagetypeinfo zoneinfo vmstat meminfo iomem; do
		[ ! -r /proc/$name ] || cat /proc/$name >"$folder/$1/$name"
	done
	if [ -r /sys/kernel/debug/page_tables/kernel ]; then
		cat /sys/kernel/debug/page_tables/kernel >"$folder/$1/page_tables"
	fi
}

# With the probe module the state is exact: each entry of the direct map, and each free list in its order.
PROBE=/proc/decpool_probe
copy_exact_state() {
	[ -w $PROBE ] || return
	for command in table 'map before'; do echo "$command" >$PROBE; done
	grep '^#map,before,[0-9]' $PROBE >"$folder/before/directmap"
	# The lists come with a sequence: one page, given back at once.
	for command in 'convert 0' 'label recorded state' 'plan 1 0 0' run release; do echo "$command" >$PROBE; done
	gzip -c <$PROBE >"$folder/before/freelists.gz"
	[ "$(tail -n 1 $PROBE)" = end ] && return
	note missing=freelists
	rm "$folder/before/freelists.gz"
}

# ---- tracing ----

# set FILE VALUE: for settings that a kernel may lack.
set_if_possible() {
	{ echo "$2" >"$1"; } 2>/dev/null
}

new_instance() {
	mkdir "$T/instances/$1" || die "$T/instances/$1: cannot be made"
	echo 0 >"$T/instances/$1/tracing_on"
	echo mono >"$T/instances/$1/trace_clock"
	echo "$2" >"$T/instances/$1/buffer_size_kb" || die "--buffer-kb $2: there is not so much memory"
}

# add_probes TEXT: one a line; those that the kernel refuses are noted.
add_probes() {
	echo "$1" | while read -r probe; do
		{ echo "$probe" >>"$T/kprobe_events"; } 2>/dev/null || note "missing=${probe#??decpool/}"
	done
}

# enable INSTANCE EVENT...: those that there are.
enable() {
	events=$T/instances/$1/events
	shift
	for event in "$@"; do
		[ ! -d "$events/$event" ] || echo 1 >"$events/$event/enable"
	done
}

has_event() {
	[ -d "$T/events/$1" ]
}

# The time of one-byte reads of /dev/zero, in s.
reads_take() {
	from_reads=$(uptime_s)
	dd if=/dev/zero of=/dev/null bs=1 count="$1" 2>/dev/null
	between "$from_reads" "$(uptime_s)"
}

# What one recorded probe costs on this machine, in ns: reads with a probe on each, less reads without.
cost_of_probe() {
	new_instance decpool_cost 64
	{ echo "p:decpool/cost vfs_read addr=$a1:x64 npages=$a2:s32" >>"$T/kprobe_events"; } 2>/dev/null || return
	cost=$T/instances/decpool_cost
	plain=$(reads_take "$1")
	enable decpool_cost decpool/cost
	echo 1 >"$cost/tracing_on"
	probed=$(reads_take "$1")
	echo 0 >"$cost/tracing_on"
	echo 0 >"$cost/events/decpool/cost/enable"
	awk -v plain="$plain" -v probed="$probed" -v n="$1" \
		'BEGIN { ns = (probed - plain) * 1e9 / n; if (ns > 0) printf "%d", ns; else printf "unknown" }'
}

# Where the direct map and vmalloc begin: variables of the kernel, read by a probe on the next read().
note_bases() {
	for base in $bases; do
		{ echo "p:decpool/base vfs_read value=@$base:x64" >>"$T/kprobe_events"; } 2>/dev/null || continue
		cost=$T/instances/decpool_cost
		echo >"$cost/trace"
		enable decpool_cost decpool/base
		echo 1 >"$cost/tracing_on"
		# By the shell itself: cat may use sendfile().
		read -r _ </proc/version
		echo 0 >"$cost/tracing_on"
		value=$(grep -m1 -o ' value=0x[0-9a-f]*' "$cost/trace")
		echo 0 >"$cost/events/decpool/base/enable"
		echo '-:decpool/base' >>"$T/kprobe_events"
		[ -z "$value" ] || note "$base=${value# value=}"
	done
}

# Whether the kernel lets a probe read the counts: it knows such symbols with CONFIG_KALLSYMS_ALL.
can_count_map() {
	{ echo "p:decpool/base vfs_read$MAP_COUNTS" >>"$T/kprobe_events"; } 2>/dev/null || return
	echo '-:decpool/base' >>"$T/kprobe_events"
}

confidential_guest() {
	features=$(dmesg 2>/dev/null | grep -i -m1 'Memory Encryption Features active')
	if grep -qw tdx_guest /proc/cpuinfo; then echo tdx
	elif dmesg 2>/dev/null | grep -q 'Hyper-V: Isolation Config'; then echo hyperv
	else
		case $features in
		*SEV-SNP*) echo snp ;;
		*TDX*) echo tdx ;;
		*SEV*) echo sev ;;
		*) if dmesg 2>/dev/null | grep -q 'RME: Using RSI'; then echo cca; else echo unknown; fi ;;
		esac
	fi
}

# trace_out INSTANCE FILE
trace_out() {
	gzip -c <"$1/trace" >"$folder/$2.gz"
	in_buffer=$(head -20 "$1/trace" | sed -n "s|^# entries-in-buffer/entries-written: \([0-9]*\)/\([0-9]*\).*|\1|p")
	note "$2_events=$in_buffer"
	lost=0
	for stats in "$1"/per_cpu/cpu*/stats; do
		cpu=${stats%/stats}
		cp "$stats" "$folder/stats/$2-${cpu##*/}"
		lost=$((lost + $(awk '/^(overrun|commit overrun|dropped events):/ { n += $NF } END { print n + 0 }' "$stats")))
	done
	note "$2_lost=$lost"
	[ "$2" != dma ] || note "bounced=$(gzip -dc <"$folder/dma.gz" | grep -c ': swiotlb_bounced: ')"
	[ $lost = 0 ] || say "$2: $lost events were lost; give a larger --buffer-kb"
}

echo 'decpool-recording v1' >"$folder/recording"
mkdir "$folder/stats"
note "kernel=$(uname -r)"
note "machine=$machine"
note "cpus=$(grep -c ^processor /proc/cpuinfo)"
note "guest=$(confidential_guest)"
note "mode=$mode"

if [ "$mode" = boot ]; then
	grep -q 'decpool/setdec' /proc/cmdline || die "--boot: the kernel was not booted with the words of --print-cmdline"
	echo 0 >"$T/tracing_on"
	finishing=1
	note "buffer_kb=$(sed 's/[^0-9].*//' "$T/buffer_size_kb")"
	note "clock=$(sed 's/.*\[\(.*\)\].*/\1/' "$T/trace_clock")"
	trace_out "$T" conversions
	cp "$T/kprobe_profile" "$folder/stats/kprobe_profile"
	copy_state after
	note "seconds=$(uptime_s)"
	note "ended=done"
else
	note "buffer_kb=$buffer_kb"
	[ $pages = 0 ] || note "pages_buffer_kb=$pages_kb"
	note "clock=mono"

	note "probe_cost_ns=$(cost_of_probe 200000)"
	note_bases
	clean

	vmalloc_base=
	grep -q '^vmalloc_base=' "$folder/recording" && vmalloc_base=' vmalloc_base=@vmalloc_base:x64'
	counts=
	if [ "$machine" = x86_64 ] && can_count_map; then counts=$MAP_COUNTS; fi
	add_probes "$(conversion_probes "$vmalloc_base$counts" "$counts"; buffer_probes)"
	new_instance decpool_conversions "$buffer_kb"
	enable decpool_conversions decpool/setdec decpool/setenc decpool/setdecret decpool/setencret \
		decpool/cohalloc decpool/cohallocr decpool/cohfree module/module_free
	# The function that asked. Before Linux 5.18 a trigger writes to the trace of all others.
	trigger=$T/instances/decpool_conversions/events/decpool/setdec/trigger
	case $(uname -r) in
	[1-4].* | 5.[0-9].* | 5.1[0-7].*) echo 1 >"$T/instances/decpool_conversions/options/stacktrace" ;;
	*) [ ! -e "$trigger" ] || echo stacktrace >"$trigger" ;;
	esac
	new_instance decpool_dma "$buffer_kb"
	enable decpool_dma $DMA_EVENTS
	has_event decpool/setdec || has_event dma/dma_alloc ||
		die "this kernel has neither set_memory_decrypted() to probe nor events/dma (Linux 6.12)"
	has_event dma/dma_alloc || note "missing=events/dma"
	used='conversions dma'
	if [ $pages = 1 ]; then
		new_instance decpool_pages "$pages_kb"
		enable decpool_pages $PAGE_EVENTS
		used="$used pages"
	fi

	copy_state before
	copy_exact_state
	for name in $used; do echo 1 >"$T/instances/decpool_$name/tracing_on"; done
	from=$(uptime_s)
	recording=yes
	status=
	case $mode in
	command)
		note "command=$(echo "$*" | tr '\n' ' ')"
		exec 3<&0
		"$@" <&3 &
		;;
	seconds) sleep "$seconds" & ;;
	interrupt)
		say "recording; Ctrl-C ends it"
		sleep 2147483647 &
		;;
	esac
	child=$!
	# A signal ends a wait early.
	wait "$child"
	status=$?
	while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
	child=
	[ -n "$ended" ] || ended=done
	finishing=1
	to=$(uptime_s)
	for name in $used; do echo 0 >"$T/instances/decpool_$name/tracing_on"; done
	copy_state after
	note "seconds=$(between "$from" "$to")"
	note "ended=$ended"
	[ "$mode" != command ] || note "command_status=$status"
	for name in $used; do trace_out "$T/instances/decpool_$name" $name; done
	cp "$T/kprobe_profile" "$folder/stats/kprobe_profile"
fi

# User and system time of the script, then of its children: the copies above, and the command. Not in a subshell.
times >"$folder/stats/times"
if [ "$out" != "${out%.tar.gz}" ]; then
	name=$(basename "${out%.tar.gz}")
	mv "$folder" "$folder.dir"
	mkdir "$folder" && mv "$folder.dir" "$folder/$name"
	tar -czf "$folder/$name.tar.gz" -C "$folder" "$name" && mv "$folder/$name.tar.gz" "$out" || die "$out: cannot be written"
else
	mv "$folder" "$out" || die "$out: cannot be written"
fi
say "written: $out"
leave 0

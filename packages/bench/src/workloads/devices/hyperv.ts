/** What the drivers of a Hyper-V guest share with the host: rings per channel, buffers of network adapters, hypercall pages. */
import { PAGE_SIZE } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { onCpu } from '../request-list.ts';
import type { Activity, Lease } from '../timeline.ts';
import { HotPlug } from './hot-plug.ts';

/** VRSS_CHANNEL_MAX, drivers/net/hyperv/hyperv_net.h. */
export const MAX_NETVSC_CHANNELS = 64;
/** VRSS_CHANNEL_DEFAULT, drivers/net/hyperv/hyperv_net.h. */
const LEAST_DEFAULT_CHANNELS = 16;

/**
 * netvsc_init_buf(), drivers/net/hyperv/netvsc.c, sizes a buffer as sections x section size, in whole pages. From
 * drivers/net/hyperv/hyperv_net.h: NETVSC_RECV_SECTION_SIZE, NETVSC_RECEIVE_BUFFER_DEFAULT (16 MiB),
 * NETVSC_SEND_SECTION_SIZE, NETVSC_SEND_BUFFER_DEFAULT (1 MiB).
 */
const RECV_SECTION_BYTES = 1728;
const DEFAULT_RECV_SECTIONS = Math.floor((16 * 1024 * 1024) / RECV_SECTION_BYTES);
const SEND_SECTION_BYTES = 6144;
const DEFAULT_SEND_SECTIONS = Math.floor((1024 * 1024) / SEND_SECTION_BYTES);
/** The fewest receive sections that a workload sets; NETVSC_MIN_RX_SECTIONS allows 10. */
const FEWEST_RECV_SECTIONS = Math.floor(DEFAULT_RECV_SECTIONS / 4);

/** vmbus_alloc_ring(), drivers/hv/channel.c: one block of pages for the send and the receive half of a ring. */
const ringBytes = (half: number) => 2 * half;
/** ring_size of 128 pages, drivers/net/hyperv/netvsc_drv.c. */
const NETVSC_RING_BYTES = ringBytes(128 * PAGE_SIZE);
/** storvsc_ringbuffer_size, drivers/scsi/storvsc_drv.c. */
const STORVSC_RING_BYTES = ringBytes(128 * 1024);
/** HV_UTIL_RING_SEND_SIZE, drivers/hv/hv_util.c: three pages and the header's, VMBUS_RING_SIZE in linux/hyperv.h. */
const UTIL_RING_BYTES = ringBytes(4 * PAGE_SIZE);
const UTIL_SERVICES = ['TimeSync', 'Heartbeat', 'Shutdown'];
/** vmbus_connect(), drivers/hv/connection.c. */
const MONITOR_PAGES = 2;

/** The interface with the host; never given back. */
export function connectVmbus(guest: Activity): void {
  for (let page = 0; page < MONITOR_PAGES; page++) {
    guest.allocate({ api: 'alloc_pages', bytes: PAGE_SIZE, owner: 'vmbus monitor page' });
  }
}

const ring = (guest: Activity, bytes: number, owner: string): Lease =>
  guest.allocate({ api: 'alloc_pages', bytes, owner });

export const openUtilRings = (guest: Activity): readonly Lease[] =>
  UTIL_SERVICES.map((service) => ring(guest, UTIL_RING_BYTES, `hv_utils ${service}`));

export const openStorvsc = (guest: Activity, name: string, channels: number): readonly Lease[] =>
  Array.from({ length: channels }, () => ring(guest, STORVSC_RING_BYTES, `storvsc ${name} ring`));

/** storvsc_connect_to_vsp(), drivers/scsi/storvsc_drv.c: the primary channel, and what the host offers beyond. */
export const storvscChannels = (cpus: number, hostMax: number): number => 1 + Math.min(cpus - 1, hostMax);

/**
 * rndis_filter_device_add(), drivers/net/hyperv/rndis_filter.c. netif_get_num_default_rss_queues(), net/core/dev.c, is
 * half of the cores once there are more than two; here each CPU is a core of its own.
 */
export function netvscChannels(cpus: number, offered: number): number {
  const rssQueues = cpus > 2 ? Math.ceil(cpus / 2) : cpus;
  return Math.min(offered, cpus, MAX_NETVSC_CHANNELS, Math.max(LEAST_DEFAULT_CHANNELS, rssQueues));
}

/**
 * The input page of a CPU's hypercalls, and the output page where there is one: hv_common_cpu_init(),
 * drivers/hv/hv_common.c. Shared only in an SNP or TDX guest without a paravisor (vTOM needs one); never given back.
 */
export const allocateHypercallPages = (guest: Activity, cpu: number, pages: number): Lease =>
  guest.allocate({
    api: 'kmalloc',
    bytes: pages * PAGE_SIZE,
    owner: `hyperv cpu${cpu} hypercall in/out`,
    ...onCpu(cpu),
  });

/** Settings of a NIC. A rebuild keeps them; removing the NIC resets them. */
interface NicConfig {
  readonly channels: number;
  readonly recvSections: number;
}

/**
 * The buffers of a network adapter: netvsc_attach() and netvsc_detach(), drivers/net/hyperv/netvsc_drv.c, make and
 * drop all of them as it is added and removed and whenever its MTU, its channels or its buffers are changed.
 */
export class Nic extends HotPlug {
  /** Of a NIC that was just added. */
  readonly #factory: NicConfig;
  readonly #config: NicConfig;

  constructor(name: string, channels: number) {
    const config = { channels, recvSections: DEFAULT_RECV_SECTIONS };
    super(name, (guest) => attachNetvsc(guest, name, config));
    this.#config = config;
    this.#factory = { ...config };
  }

  add(guest: Activity): void {
    Object.assign(this.#config, this.#factory);
    this.attach(guest);
  }

  /** With a change of settings, or with none, as a change of MTU does. */
  rebuild(guest: Activity, change: Partial<NicConfig> = {}): void {
    this.detach(guest);
    Object.assign(this.#config, change);
    this.attach(guest);
  }
}

/** In the order of netvsc_device_add(): the primary channel, its buffers, then the sub-channels. */
function attachNetvsc(guest: Activity, name: string, { channels, recvSections }: NicConfig): Lease[] {
  const channel = () => ring(guest, NETVSC_RING_BYTES, `netvsc ${name} ring`);
  // netvsc_init_buf() rounds the size up to whole pages before it calls vzalloc().
  const buffer = (bytes: number, purpose: string) => {
    const whole = pagesFor(bytes, PAGE_SHIFT) * PAGE_SIZE;
    return guest.allocate({ api: 'vmalloc', bytes: whole, owner: `netvsc ${name} ${purpose}` });
  };
  const primary = channel();
  const recv = buffer(recvSections * RECV_SECTION_BYTES, 'recv_buf');
  const send = buffer(DEFAULT_SEND_SECTIONS * SEND_SECTION_BYTES, 'send_buf');
  const subchannels = Array.from({ length: channels - 1 }, channel);
  // vmbus_close() takes the sub-channels and then the primary; free_netvsc_device() the buffers.
  return [...subchannels, primary, recv, send];
}

/** What an administrator does to a NIC that stays. */
export const NIC_CHANGES = ['mtu', 'channels', 'ringparam'] as const;
type NicChange = (typeof NIC_CHANGES)[number];

/** A change as `ethtool` and `ip link` make it; new values are drawn up to `channels` and to the default buffer. */
export function changeNic(guest: Activity, nic: Nic, change: NicChange, channels: number): void {
  const { between } = guest.dice;
  if (change === 'mtu') nic.rebuild(guest);
  else if (change === 'channels') nic.rebuild(guest, { channels: between(1, channels) });
  else nic.rebuild(guest, { recvSections: between(FEWEST_RECV_SECTIONS, DEFAULT_RECV_SECTIONS) });
}

import { type AllocateRequest, type AllocationId, nanoseconds, orderFor, pagesFor } from '@decpool/model';
import { type Dice, dice, wholeNumber } from './random.ts';
import { RequestList } from './request-list.ts';
import { PAGE_SHIFT, PAGE_SIZE, type Workload, workload } from './workload.ts';

export interface NetvscOptions {
  readonly seed: number;
  /** Synthetic network adapters. */
  readonly nics: number;
  /** Channels of a NIC when it is added, up to VRSS_CHANNEL_MAX. The kernel's own count follows the CPUs. */
  readonly channels: number;
  /** How often each NIC is added and removed again; at the end none is left. */
  readonly cycles: number;
  /** SCSI controllers; each has `storvscChannels` channels. */
  readonly storvscControllers: number;
  readonly storvscChannels: number;
  /** NVMe controllers that may be plugged in at one time. */
  readonly nvmes: number;
}

/** An 8-CPU guest: 80 to 105 MiB live at the peak, when all or most NICs are there, and some 5 MiB when none is. */
export const NETVSC_DEFAULTS: NetvscOptions = {
  seed: 1,
  nics: 4,
  channels: 8,
  cycles: 4,
  storvscControllers: 2,
  storvscChannels: 8,
  nvmes: 3,
};

/** VRSS_CHANNEL_MAX, drivers/net/hyperv/hyperv_net.h. */
const MAX_CHANNELS = 64;

/**
 * netvsc_init_buf(), drivers/net/hyperv/netvsc.c, sizes a buffer as sections x section size, in whole pages. From
 * drivers/net/hyperv/hyperv_net.h: NETVSC_RECV_SECTION_SIZE, NETVSC_RECEIVE_BUFFER_DEFAULT (16 MiB),
 * NETVSC_SEND_SECTION_SIZE, NETVSC_SEND_BUFFER_DEFAULT (1 MiB).
 */
const RECV_SECTION_BYTES = 1728;
const DEFAULT_RECV_SECTIONS = Math.floor((16 * 1024 * 1024) / RECV_SECTION_BYTES);
const SEND_SECTION_BYTES = 6144;
const DEFAULT_SEND_SECTIONS = Math.floor((1024 * 1024) / SEND_SECTION_BYTES);
/** The fewest receive sections that this workload sets; NETVSC_MIN_RX_SECTIONS allows 10. */
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

/**
 * drivers/nvme/host/pci.c: an admin queue of NVME_AQ_DEPTH entries, then I/O queues of the depth that the
 * controller allows (CAP.MQES), up to io_queue_depth = 1024. An entry is 64 bytes in a submission queue, 16 in a
 * completion queue (include/linux/nvme.h).
 */
const NVME_AQ_DEPTH = 32;
const NVME_DEPTHS = [144, 256, 512, 1024];
const NVME_SQ_ENTRY_BYTES = 64;
const NVME_CQ_ENTRY_BYTES = 16;
const NVME_IO_QUEUES = 4;

/** Simulated time between two events of the guest, and between two allocations of one event; ns. */
const EVENT_GAP_NS = [50_000_000, 2_000_000_000] as const;
const STEP_GAP_NS = [20_000, 400_000] as const;

/**
 * A Hyper-V guest whose network adapters come and go: the case that made a dynamic pool of decrypted memory worth
 * asking for. The rings of storage and utility services stay for good, NVMe queues for long, and in between each
 * NIC takes and returns 25 MiB, as it is added and removed and whenever its MTU, its channels or its receive
 * buffer is changed: netvsc_attach() and netvsc_detach(), drivers/net/hyperv/netvsc_drv.c, rebuild all of it.
 * Throws InputError for settings out of range.
 */
export function netvsc(options: Partial<NetvscOptions> = {}): Workload {
  const settings = { ...NETVSC_DEFAULTS, ...options };
  check(settings);
  const guest = new Guest(settings);
  guest.boot();
  guest.run();
  const { nics, channels, cycles, seed } = settings;
  return workload({
    name: 'netvsc',
    description: `A Hyper-V guest whose ${nics} NICs are hot-added, rebuilt and removed ${cycles} times each.`,
    requests: guest.requests,
    notes: [
      `generated from the kernel's sizes, not recorded: ${nics} NICs of ${channels} channels, seed ${seed}; the order and the times of events are drawn at random`,
      'hypercall pages, swiotlb and the streaming DMA of NVMe are left out',
    ],
  });
}

function check(settings: NetvscOptions): void {
  wholeNumber('nics', settings.nics, 1, 64);
  wholeNumber('channels', settings.channels, 1, MAX_CHANNELS);
  wholeNumber('cycles', settings.cycles, 1, 10_000);
  wholeNumber('storvscControllers', settings.storvscControllers, 0, 64);
  wholeNumber('storvscChannels', settings.storvscChannels, 1, 64);
  wholeNumber('nvmes', settings.nvmes, 0, 64);
}

type Wanted = Pick<AllocateRequest, 'api' | 'bytes' | 'owner'>;

/** What a NIC's driver was told; it keeps that over a rebuild and forgets it when the NIC is removed. */
interface NicConfig {
  readonly channels: number;
  readonly recvSections: number;
}

interface Nic {
  readonly name: string;
  /** Removals still to come. */
  cyclesLeft: number;
  config: NicConfig;
  /** In the order in which the driver frees them; empty while the NIC is removed. */
  buffers: readonly AllocationId[];
}

class Guest {
  readonly #settings: NetvscOptions;
  readonly #dice: Dice;
  readonly #list = new RequestList();
  readonly #nics: readonly Nic[];
  readonly #nvmes: (readonly AllocationId[])[] = [];
  #nvmesSeen = 0;
  #now = 0;

  constructor(settings: NetvscOptions) {
    this.#settings = settings;
    this.#dice = dice(settings.seed);
    this.#nics = Array.from({ length: settings.nics }, (_, index) => ({
      name: `eth${index}`,
      cyclesLeft: settings.cycles,
      config: this.#factoryConfig(),
      buffers: [],
    }));
  }

  get requests() {
    return this.#list.requests;
  }

  /** What stays until the guest is shut down. */
  boot(): void {
    for (let page = 0; page < MONITOR_PAGES; page++) {
      this.#allocate({ api: 'alloc_pages', bytes: PAGE_SIZE, owner: 'vmbus monitor page' });
    }
    for (const service of UTIL_SERVICES) this.#ring(UTIL_RING_BYTES, `hv_utils ${service}`);
    for (let scsi = 0; scsi < this.#settings.storvscControllers; scsi++) {
      for (let channel = 0; channel < this.#settings.storvscChannels; channel++) {
        this.#ring(STORVSC_RING_BYTES, `storvsc scsi${scsi} ring`);
      }
    }
  }

  /** Until each NIC has come and gone as often as was asked for, something happens to one of them. */
  run(): void {
    for (;;) {
      const busy = this.#nics.filter((nic) => nic.cyclesLeft > 0);
      if (busy.length === 0) return;
      this.#wait(EVENT_GAP_NS);
      const nic = this.#dice.pick(busy);
      if (nic.buffers.length === 0) this.#add(nic);
      else this.#change(nic);
      this.#plugNvme();
    }
  }

  #add(nic: Nic): void {
    nic.config = this.#factoryConfig();
    this.#attach(nic);
  }

  /** Half of the events of a NIC that is there remove it. */
  #change(nic: Nic): void {
    switch (this.#dice.pick(['remove', 'remove', 'remove', 'mtu', 'channels', 'ringparam'] as const)) {
      case 'remove':
        nic.cyclesLeft--;
        this.#detach(nic);
        break;
      case 'mtu':
        this.#rebuild(nic, {});
        break;
      case 'channels':
        this.#rebuild(nic, { channels: this.#dice.between(1, this.#settings.channels) });
        break;
      case 'ringparam':
        this.#rebuild(nic, { recvSections: this.#dice.between(FEWEST_RECV_SECTIONS, DEFAULT_RECV_SECTIONS) });
        break;
    }
  }

  #rebuild(nic: Nic, change: Partial<NicConfig>): void {
    this.#detach(nic);
    nic.config = { ...nic.config, ...change };
    this.#attach(nic);
  }

  /** In the order of netvsc_device_add(): the primary channel, its buffers, then the sub-channels. */
  #attach(nic: Nic): void {
    const ring = () => this.#ring(NETVSC_RING_BYTES, `netvsc ${nic.name} ring`);
    const primary = ring();
    const recv = this.#vmalloc(nic.config.recvSections * RECV_SECTION_BYTES, `netvsc ${nic.name} recv_buf`);
    const send = this.#vmalloc(DEFAULT_SEND_SECTIONS * SEND_SECTION_BYTES, `netvsc ${nic.name} send_buf`);
    const subchannels = Array.from({ length: nic.config.channels - 1 }, ring);
    // vmbus_close() takes the sub-channels and then the primary; free_netvsc_device() the buffers.
    nic.buffers = [...subchannels, primary, recv, send];
  }

  #detach(nic: Nic): void {
    this.#freeAll(nic.buffers);
    nic.buffers = [];
  }

  /** Now and then a controller is plugged in, or, more rarely, the oldest is taken away. */
  #plugNvme(): void {
    const roll = this.#dice.between(1, 12);
    if (roll <= 2 && this.#nvmes.length < this.#settings.nvmes) {
      this.#wait(STEP_GAP_NS);
      this.#nvmes.push(this.#probeNvme(`nvme${this.#nvmesSeen++}`));
    } else if (roll === 12) {
      this.#freeAll(this.#nvmes.shift() ?? []);
    }
  }

  /** nvme_alloc_queue() for each queue: completions first, then submissions. */
  #probeNvme(name: string): readonly AllocationId[] {
    const queue = (depth: number, owner: string) =>
      [NVME_CQ_ENTRY_BYTES, NVME_SQ_ENTRY_BYTES].map((entryBytes) =>
        this.#allocate({ api: 'alloc_pages_exact', bytes: depth * entryBytes, owner }),
      );
    const depth = this.#dice.pick(NVME_DEPTHS);
    const queues = queue(NVME_AQ_DEPTH, `${name} admin queue`);
    for (let io = 0; io < NVME_IO_QUEUES; io++) queues.push(...queue(depth, `${name} I/O queue`));
    return queues;
  }

  #factoryConfig(): NicConfig {
    return { channels: this.#settings.channels, recvSections: DEFAULT_RECV_SECTIONS };
  }

  #ring(bytes: number, owner: string): AllocationId {
    return this.#allocate({ api: 'alloc_pages', bytes, owner });
  }

  /** netvsc_init_buf() rounds the size up to whole pages before it calls vzalloc(). */
  #vmalloc(bytes: number, owner: string): AllocationId {
    return this.#allocate({ api: 'vmalloc', bytes: pagesFor(bytes, PAGE_SHIFT) * PAGE_SIZE, owner });
  }

  #allocate(wanted: Wanted): AllocationId {
    this.#wait(STEP_GAP_NS);
    const exact = pagesFor(wanted.bytes, PAGE_SHIFT);
    const granted = wanted.api === 'alloc_pages' ? 2 ** orderFor(exact) : exact;
    return this.#list.allocate(nanoseconds(this.#now), { ...wanted, pages: granted });
  }

  #freeAll(allocations: readonly AllocationId[]): void {
    for (const allocation of allocations) {
      this.#wait(STEP_GAP_NS);
      this.#list.free(nanoseconds(this.#now), allocation);
    }
  }

  #wait([least, most]: readonly [number, number]): void {
    this.#now += this.#dice.between(least, most);
  }
}

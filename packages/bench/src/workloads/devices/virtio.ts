/** What virtio devices share with the host: a virtqueue each for sending, receiving and control. */
import type { Activity, Lease } from '../timeline.ts';

/** SMP_CACHE_BYTES of x86 and of arm64: how vring_create_virtqueue() of drivers/virtio/virtio_pci_modern.c aligns. */
const VRING_ALIGN = 64;
/** struct vring_desc, struct vring_used_elem, __virtio16: include/uapi/linux/virtio_ring.h. */
const DESC_BYTES = 16;
const USED_ELEM_BYTES = 8;
const U16_BYTES = 2;

/** Entries of a split ring: powers of two, as the specification of virtio has it. */
export const MAX_RING_ENTRIES = 1024;

/** Bytes of a split ring of `entries`: vring_size(), include/uapi/linux/virtio_ring.h. */
export function splitRingBytes(entries: number): number {
  const guestPart = DESC_BYTES * entries + U16_BYTES * (3 + entries);
  const aligned = Math.ceil(guestPart / VRING_ALIGN) * VRING_ALIGN;
  return aligned + U16_BYTES * 3 + USED_ELEM_BYTES * entries;
}

/**
 * Bytes of the three coherent buffers of a packed ring: descriptors of 16 bytes, and two event suppression structs of 4 bytes,
 * which take a page each. vring_alloc_queue_packed(), drivers/virtio/virtio_ring.c.
 */
export const packedRingBytes = (entries: number): readonly number[] => [DESC_BYTES * entries, 4, 4];

export type RingLayout = 'split' | 'packed';

export interface VirtioQueues {
  /** `virtio-net eth0`, `virtio-blk vda`. */
  readonly device: string;
  readonly entries: readonly number[];
  readonly layout: RingLayout;
}

/** The control queue of virtio-net as QEMU makes it. */
const CTRL_QUEUE_ENTRIES = 64;

/** virtnet_find_vqs(), drivers/net/virtio_net.c: a receive and a send queue per pair, and the control queue. */
export const virtioNet = (
  name: string,
  pairs: number,
  entries: number,
  layout: RingLayout,
): VirtioQueues => ({
  device: `virtio-net ${name}`,
  entries: [...Array<number>(2 * pairs).fill(entries), CTRL_QUEUE_ENTRIES],
  layout,
});

/** init_vq(), drivers/block/virtio_blk.c. */
export const virtioBlk = (
  name: string,
  queues: number,
  entries: number,
  layout: RingLayout,
): VirtioQueues => ({
  device: `virtio-blk ${name}`,
  entries: Array<number>(queues).fill(entries),
  layout,
});

/** Interrupt vectors of a device with MSI-X: one per queue, and one for changes of its configuration. */
export const vectorsOf = ({ entries }: VirtioQueues): number => entries.length + 1;

/** Every ring of the device, in the order in which they are freed. */
export function probeVirtio(guest: Activity, { device, entries, layout }: VirtioQueues): readonly Lease[] {
  const ringsOf = (count: number) => (layout === 'packed' ? packedRingBytes(count) : [splitRingBytes(count)]);
  return entries
    .flatMap(ringsOf)
    .map((bytes) => guest.allocate({ api: 'dma_alloc_coherent', bytes, owner: `${device} queue` }));
}

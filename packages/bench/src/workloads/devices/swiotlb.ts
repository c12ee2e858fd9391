/** Streaming DMA of a confidential guest: swiotlb copies what a device reads or writes through shared bounce buffers. */
import { GFP } from '@decpool/model';
import { weighted } from '../random.ts';
import type { Activity, Span } from '../timeline.ts';

/** Largest mapping: swiotlb_max_mapping_size(), kernel/dma/swiotlb.c: 128 slots of 2 KiB. */
export const MAX_MAPPING_BYTES = 256 * 1024;

/**
 * Sizes in bytes and how often each comes, of 100. Assumed: acknowledgements (66 B in a recorded realm), full frames, large
 * segments.
 */
const NET_SIZES = weighted([
  [66, 35],
  [1514, 40],
  [4096, 10],
  [16_384, 8],
  [65_536, 7],
]);
/** Assumed: disk I/O from a page to a request as large as swiotlb lets through. */
export const DISK_SIZES = weighted([
  [4096, 55],
  [16_384, 25],
  [65_536, 17],
  [MAX_MAPPING_BYTES, 3],
]);

/** Assumed: a packet is sent within 20 to 300 us, a disk answers within 50 us to 2 ms. */
const NET_LIFE_NS: Span = [20_000, 300_000];
const DISK_LIFE_NS: Span = [50_000, 2_000_000];
/** Assumed: a mapping every 5 to 60 us in a burst. */
const GAP_NS: Span = [5_000, 60_000];

export interface Stream {
  /** Who maps: `virtio-net eth0`. */
  readonly device: string;
  readonly kind: 'net' | 'disk';
}

/** A burst of `maps` mappings. Drivers map and unmap where nothing may sleep: in softirqs and in interrupts. */
export function streamBurst(guest: Activity, { device, kind }: Stream, maps: number): void {
  const [sizes, [least, most]] = kind === 'net' ? [NET_SIZES, NET_LIFE_NS] : [DISK_SIZES, DISK_LIFE_NS];
  const { dice } = guest;
  for (let map = 0; map < maps; map++) {
    guest.wait(GAP_NS);
    const needed = {
      api: 'dma_map',
      bytes: dice.pick(sizes),
      owner: `${device} map`,
      gfp: GFP.GFP_ATOMIC,
    } as const;
    guest.hold(needed, dice.between(least, most), GFP.GFP_ATOMIC);
  }
}

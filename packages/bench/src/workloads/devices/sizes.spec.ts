import { GFP, PAGE_SIZE, type Request } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dice } from '../random.ts';
import { Activity, Timeline } from '../timeline.ts';
import { bootKvmclock, loadTdxGuest, snpExtendedReport } from './attestation.ts';
import { allocateBuffer, heapChunks } from './dma-buf-heap.ts';
import { bootIts, createItt, ittBytes } from './gic-its.ts';
import {
  allocateHypercallPages,
  connectVmbus,
  Nic,
  netvscChannels,
  openStorvsc,
  openUtilRings,
  storvscChannels,
} from './hyperv.ts';
import { descriptor, NVME_IO_QUEUE_DEPTH, probeNvme } from './nvme.ts';
import { MAX_MAPPING_BYTES, streamBurst } from './swiotlb.ts';
import { packedRingBytes, probeVirtio, splitRingBytes, vectorsOf, virtioBlk, virtioNet } from './virtio.ts';

/** What a driver asks for, told by its requests. */
function told(drive: (guest: Activity) => void, seed = 1): readonly Request[] {
  const timeline = new Timeline();
  drive(new Activity(timeline, dice(seed)));
  return timeline.requests();
}

/** Each allocation as `api pages bytes owner`. */
const asked = (drive: (guest: Activity) => void): readonly string[] =>
  told(drive).flatMap((request) =>
    request.kind === 'allocate' ? [`${request.api} ${request.pages} ${request.bytes} ${request.owner}`] : [],
  );

describe('Hyper-V', () => {
  it('the interface with the host is two monitor pages', () => {
    expect(asked(connectVmbus)).toEqual(Array(2).fill('alloc_pages 1 4096 vmbus monitor page'));
  });

  it('a utility service has a ring of 32 KiB', () => {
    expect(asked((guest) => void openUtilRings(guest))).toEqual([
      'alloc_pages 8 32768 hv_utils TimeSync',
      'alloc_pages 8 32768 hv_utils Heartbeat',
      'alloc_pages 8 32768 hv_utils Shutdown',
    ]);
  });

  it('a disk has a ring of 256 KiB per channel', () => {
    expect(asked((guest) => void openStorvsc(guest, 'scsi0', 2))).toEqual(
      Array(2).fill('alloc_pages 64 262144 storvsc scsi0 ring'),
    );
  });

  it('a NIC has a ring of 1 MiB per channel, 16 MiB to receive and 255 pages to send', () => {
    expect(asked((guest) => new Nic('eth0', 2).add(guest))).toEqual([
      'alloc_pages 256 1048576 netvsc eth0 ring',
      'vmalloc 4096 16777216 netvsc eth0 recv_buf',
      'vmalloc 255 1044480 netvsc eth0 send_buf',
      'alloc_pages 256 1048576 netvsc eth0 ring',
    ]);
  });

  it.each([
    [1, 64, 1],
    [8, 64, 8],
    [8, 4, 4],
    [32, 64, 16],
    [64, 64, 32],
    [256, 64, 64],
  ])('a NIC of %i CPUs and %i offered channels opens %i', (cpus, offered, channels) => {
    expect(netvscChannels(cpus, offered)).toBe(channels);
  });

  it('a disk has a channel for each CPU, as far as the host goes beyond the first', () => {
    expect([storvscChannels(1, 8), storvscChannels(4, 8), storvscChannels(64, 8)]).toEqual([1, 4, 9]);
  });

  it('the pages of hypercalls are one kmalloc', () => {
    const [both] = told((guest) => allocateHypercallPages(guest, 3, 2));
    expect(both).toMatchObject({
      ...{ api: 'kmalloc', pages: 2, bytes: 8192 },
      owner: 'hyperv cpu3 hypercall in/out',
    });
  });
});

describe('virtio', () => {
  it.each([
    [64, 1734],
    [128, 3398],
    [256, 6726],
    [512, 13_382],
    [1024, 26_694],
  ])('a split ring of %i entries has %i bytes', (entries, bytes) => {
    expect(splitRingBytes(entries)).toBe(bytes);
  });

  it('a packed ring is three buffers, two of them of four bytes', () => {
    expect(packedRingBytes(256)).toEqual([4096, 4, 4]);
    expect(asked((guest) => void probeVirtio(guest, virtioBlk('vda', 1, 256, 'packed')))).toEqual([
      'dma_alloc_coherent 1 4096 virtio-blk vda queue',
      'dma_alloc_coherent 1 4 virtio-blk vda queue',
      'dma_alloc_coherent 1 4 virtio-blk vda queue',
    ]);
  });

  it('a NIC has two queues per pair and one for control, and a vector for each and one more', () => {
    const nic = virtioNet('eth0', 4, 256, 'split');
    expect(asked((guest) => void probeVirtio(guest, nic))).toEqual([
      ...Array(8).fill('dma_alloc_coherent 2 6726 virtio-net eth0 queue'),
      'dma_alloc_coherent 1 1734 virtio-net eth0 queue',
    ]);
    expect(vectorsOf(nic)).toBe(10);
  });
});

describe('NVMe', () => {
  it('a queue is 16 KiB of completions and 64 KiB of submissions, those of the admin queue 512 B and 2 KiB', () => {
    const queues = { depth: NVME_IO_QUEUE_DEPTH, ioQueues: 1, api: 'dma_alloc_coherent' } as const;
    expect(asked((guest) => void probeNvme(guest, 'nvme0', queues))).toEqual([
      'dma_alloc_coherent 1 512 nvme0 admin queue',
      'dma_alloc_coherent 1 2048 nvme0 admin queue',
      'dma_alloc_coherent 4 16384 nvme0 I/O queue',
      'dma_alloc_coherent 16 65536 nvme0 I/O queue',
    ]);
  });

  it('a descriptor is 256 bytes by kmalloc, or a page by the api that the percentage says', () => {
    const kinds = (kmallocPercent: number) => {
      const guest = new Activity(new Timeline(), dice(1));
      const drawn = Array.from({ length: 200 }, () =>
        descriptor(guest, 'nvme0', GFP.GFP_ATOMIC, kmallocPercent),
      );
      return new Set(drawn.map(({ api, bytes, gfp }) => `${api} ${bytes} ${gfp}`));
    };
    expect(kinds(0)).toEqual(new Set(['kmalloc 256 1', 'dma_alloc_coherent 4096 1']));
    expect(kinds(100)).toEqual(new Set(['kmalloc 256 1', 'kmalloc 4096 1']));
    expect(kinds(50)).toEqual(new Set(['kmalloc 256 1', 'kmalloc 4096 1', 'dma_alloc_coherent 4096 1']));
  });
});

describe('GIC ITS', () => {
  it('its tables have 64 KiB each; those of the interrupts come where nothing may sleep', () => {
    const tables = told((guest) => bootIts(guest, 2));
    expect(
      tables.map((table) => (table.kind === 'allocate' ? [table.owner, table.pages, table.gfp] : [])),
    ).toEqual([
      ['its LPI property table', 16, GFP.GFP_NOWAIT],
      ['its cpu0 LPI pending table', 16, GFP.GFP_NOWAIT],
      ['its cpu1 LPI pending table', 16, GFP.GFP_NOWAIT],
      ['its command queue', 16, 0],
      ['its device table', 16, 0],
      ['its collection table', 16, 0],
      ['its device table of buses 0-31', 16, 0],
    ]);
  });

  it.each([
    [1, 8, 256],
    [32, 8, 256],
    [33, 8, 512],
    [64, 12, 768],
    [2048, 16, 32_768],
  ])('the table of %i vectors with entries of %i bytes has %i bytes', (vectors, entryBytes, bytes) => {
    expect(ittBytes(vectors, entryBytes)).toBe(bytes);
  });

  it('the table of a function is aligned to 256 bytes', () => {
    const [table] = told((guest) => void createItt(guest, 12, 4, 8));
    expect(table).toMatchObject({ api: 'kmalloc', bytes: 256, align: 256, owner: 'its PCI function 12 ITT' });
  });
});

describe('attestation and clocks', () => {
  it('a report takes whole pages for certificates, up to four, for a while', () => {
    const sizes = new Set<number>();
    for (let seed = 1; seed <= 50; seed++) {
      const [taken, given] = told(snpExtendedReport, seed);
      expect(given).toMatchObject({ kind: 'free' });
      expect(taken).toMatchObject({ api: 'alloc_pages_exact', gfp: GFP.__GFP_ACCOUNT });
      if (taken.kind === 'allocate') sizes.add(taken.bytes);
    }
    expect(sizes).toEqual(new Set([4096, 8192, 12_288, 16_384]));
  });

  it('the buffer for quotes has 128 KiB', () => {
    expect(asked((guest) => void loadTdxGuest(guest))).toEqual([
      'alloc_pages_exact 32 131072 tdx-guest quote buffer',
    ]);
  });

  it('clocks beyond 64 CPUs take 64 bytes each', () => {
    expect(asked((guest) => bootKvmclock(guest, 64))).toEqual([]);
    expect(asked((guest) => bootKvmclock(guest, 65))).toEqual(['alloc_pages 1 64 kvmclock hvclock_mem']);
    expect(asked((guest) => bootKvmclock(guest, 192))).toEqual(['alloc_pages 2 8192 kvmclock hvclock_mem']);
  });
});

it.each(['net', 'disk'] as const)(
  'a burst of %s maps from 66 bytes up to the largest mapping, each unmapped again',
  (kind) => {
    const requests = told((guest) => streamBurst(guest, { device: 'dev', kind }, 300));
    const maps = requests.filter((request) => request.kind === 'allocate');
    expect(maps).toHaveLength(300);
    expect(requests).toHaveLength(600);
    for (const { api, bytes, gfp, owner } of maps) {
      expect({ api, gfp, owner }).toEqual({ api: 'dma_map', gfp: GFP.GFP_ATOMIC, owner: 'dev map' });
      expect(bytes).toBeGreaterThanOrEqual(66);
      expect(bytes).toBeLessThanOrEqual(MAX_MAPPING_BYTES);
    }
  },
);

describe('the dma-buf heap', () => {
  it('takes orders 8, 4 and 0, the largest first', () => {
    expect(heapChunks(1)).toEqual([0]);
    expect(heapChunks(64 * 1024)).toEqual([4]);
    expect(heapChunks((256 + 2 * 16 + 3) * PAGE_SIZE)).toEqual([8, 4, 4, 0, 0, 0]);
  });

  it('takes exactly the pages of a buffer, never more than 15 chunks of a smaller order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 26 }), (bytes) => {
        const chunks = heapChunks(bytes);
        expect(chunks.reduce((pages, order) => pages + (1 << order), 0)).toBe(Math.ceil(bytes / PAGE_SIZE));
        expect(chunks.filter((order) => order < 8).length).toBeLessThanOrEqual(30);
      }),
    );
  });

  it('maps a buffer for its user when all of it is there', () => {
    const kinds = told((guest) => void allocateBuffer(guest, 'client0', 2 * PAGE_SIZE, true)).map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['allocate', 'allocate', 'map-user', 'map-user']);
  });
});

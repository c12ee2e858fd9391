import { type AllocationId, InputError } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { netvsc } from './netvsc.ts';
import { allocations, liveAtEnd } from './testing.ts';
import { peakLivePages, type Workload } from './workload.ts';

const options = fc.record({
  seed: fc.nat({ max: 0xffffffff }),
  nics: fc.integer({ min: 1, max: 6 }),
  channels: fc.integer({ min: 1, max: 64 }),
  cycles: fc.integer({ min: 1, max: 6 }),
  storvscControllers: fc.nat({ max: 3 }),
  storvscChannels: fc.integer({ min: 1, max: 8 }),
  nvmes: fc.nat({ max: 4 }),
});

describe('for any settings', () => {
  const always = (
    holds: (workload: Workload, settings: Readonly<Record<keyof typeof netvsc.parameters, number>>) => void,
  ) =>
    fc.assert(
      fc.property(options, (settings) => {
        holds(netvsc.generate(settings), settings);
      }),
      { numRuns: randomRuns(50) },
    );

  it('the requests are well formed', () => {
    always(({ requests, peakLivePages: peak }) => expect(peakLivePages(requests)).toBe(peak));
  });

  it('the same seed makes the same requests', () => {
    always((workload, settings) => expect(netvsc.generate(settings)).toEqual(workload));
  });

  it('each NIC is added as often as it is removed, and nothing of it is left at the end', () => {
    always((workload, settings) => {
      const owners = liveAtEnd(workload).map(({ owner }) => owner);
      expect(owners.filter((owner) => owner.startsWith('netvsc'))).toEqual([]);
      for (let nic = 0; nic < settings.nics; nic++) {
        const buffers = allocations(workload).filter(({ owner }) => owner === `netvsc eth${nic} recv_buf`);
        expect(buffers.length).toBeGreaterThanOrEqual(settings.cycles);
      }
    });
  });

  it('a NIC has one receive and one send buffer and at most its channels at a time', () => {
    always(({ requests }, { channels }) => {
      const live = new Map<string, number>();
      const ownerOf = new Map<AllocationId, string>();
      for (const request of requests) {
        if (request.kind !== 'allocate' && request.kind !== 'free') continue;
        if (request.kind === 'allocate') ownerOf.set(request.allocation, request.owner);
        const owner = ownerOf.get(request.allocation)!;
        const count = (live.get(owner) ?? 0) + (request.kind === 'allocate' ? 1 : -1);
        live.set(owner, count);
        if (owner.startsWith('netvsc'))
          expect(count).toBeLessThanOrEqual(owner.endsWith('ring') ? channels : 1);
      }
    });
  });

  it('the boot-time rings stay', () => {
    always((workload, { storvscControllers, storvscChannels }) => {
      const owners = liveAtEnd(workload).map(({ owner }) => owner);
      expect(owners.filter((owner) => owner.startsWith('storvsc'))).toHaveLength(
        storvscControllers * storvscChannels,
      );
      expect(owners.filter((owner) => owner.startsWith('hv_utils'))).toHaveLength(3);
    });
  });
});

describe('by default', () => {
  const workload = netvsc.generate();
  const sizesOf = (ends: string) =>
    new Set(
      allocations(workload)
        .filter(({ owner }) => owner.endsWith(ends))
        .map(({ api, pages, bytes }) => `${api} ${pages} ${bytes}`),
    );

  it.each([1, 2, 3, 4, 5])('seed %i makes several hundred requests and 50 to 150 MiB live', (seed) => {
    const { requests, peakLivePages: peak } = netvsc.generate({ seed });
    expect(requests.length).toBeGreaterThan(300);
    expect(requests.length).toBeLessThan(1500);
    expect(peak).toBeGreaterThan(50 * 256);
    expect(peak).toBeLessThan(150 * 256);
  });

  it('the sizes are those of the drivers', () => {
    expect(sizesOf('recv_buf')).toContain('vmalloc 4096 16777216');
    expect(sizesOf('send_buf')).toEqual(new Set(['vmalloc 255 1044480']));
    expect(sizesOf('eth0 ring')).toEqual(new Set(['alloc_pages 256 1048576']));
    expect(sizesOf('scsi0 ring')).toEqual(new Set(['alloc_pages 64 262144']));
    expect(sizesOf('Heartbeat')).toEqual(new Set(['alloc_pages 8 32768']));
    expect(sizesOf('admin queue')).toEqual(new Set(['alloc_pages_exact 1 512', 'alloc_pages_exact 1 2048']));
  });

  it('an NVMe controller outlives a NIC somewhere, so that lifetimes mix', () => {
    const kinds = workload.requests.map((request) => ('owner' in request ? request.owner.split(' ')[0] : ''));
    const firstNvme = kinds.findIndex((kind) => kind.startsWith('nvme'));
    expect(firstNvme).toBeGreaterThan(kinds.indexOf('netvsc'));
    expect(kinds.lastIndexOf('netvsc')).toBeGreaterThan(firstNvme);
  });

  it('another seed makes other requests', () => {
    expect(netvsc.generate({ seed: 2 }).requests).not.toEqual(workload.requests);
  });
});

it.each([{ nics: 0 }, { channels: 65 }, { cycles: 1.5 }, { seed: -1 }, { nvmes: Number.NaN }])(
  'settings %j are refused',
  (wrong) => {
    expect(() => netvsc.generate(wrong)).toThrow(InputError);
    expect(() => netvsc.generate(wrong)).toThrow(Object.keys(wrong)[0]);
  },
);

/**
 * What holds for every generator, whatever its settings.
 */
import { InputError } from '@decpool/model';
import { maySleep } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ccaRealm } from './cca-realm.ts';
import { dmaBufHeap } from './dma-buf-heap.ts';
import { hypervVm } from './hyperv-vm.ts';
import { itsStorm } from './its-storm.ts';
import { kvmSnp } from './kvm-snp.ts';
import { mixedDay } from './mixed-day.ts';
import { nvmeAtomic } from './nvme-atomic.ts';
import { tdxVm } from './tdx-vm.ts';
import { frees, liveAtEnd } from './testing.ts';
import { peakLivePages, type Workload } from './workload.ts';

interface Family {
  readonly name: string;
  /** Settings that go together, small enough for a test. */
  readonly settings: fc.Arbitrary<Readonly<Record<string, number>>>;
  readonly generate: (settings: Readonly<Record<string, number>>) => Workload;
  /** Owners that may have allocations left at the end. Default: none. */
  readonly staying?: RegExp;
  /** Settings that are out of range, one at a time. */
  readonly wrong: readonly Readonly<Record<string, number>>[];
}

const upTo = (max: number, min = 0) => fc.integer({ min, max });
const seed = fc.nat({ max: 0xffffffff });
const virtioGuest = {
  seed,
  cpus: upTo(70, 1),
  nics: upTo(3, 1),
  disks: upTo(3),
  queues: upTo(4),
  ringEntries: fc.constantFrom(2, 64, 1024),
  bursts: upTo(8),
  maps: upTo(20),
};
const HYPERV = /^(hyperv cpu\d+ hypercall|vmbus monitor|hv_utils |storvsc |netvsc )/;
const VIRTIO = /^virtio-(net eth|blk vd)\d+ queue$/;
const ITS = /^its (LPI property|cpu\d+ LPI pending|command|device table|collection|PCI function \d+ ITT)/;
const NVME = /^nvme\d+ (admin|I\/O) queue$/;
const anyOf = (...patterns: readonly RegExp[]) => new RegExp(patterns.map(({ source }) => source).join('|'));

const FAMILIES: readonly Family[] = [
  {
    name: 'hyperv-vm',
    settings: fc.record({
      seed,
      cpus: upTo(70, 1),
      nics: upTo(3, 1),
      disks: upTo(3),
      offeredChannels: upTo(64, 1),
      hypercallPages: upTo(2),
      events: upTo(20),
    }),
    generate: hypervVm.generate,
    staying: HYPERV,
    wrong: [
      { cpus: 0 },
      { nics: 65 },
      { disks: -1 },
      { offeredChannels: 65 },
      { hypercallPages: 3 },
      { events: 0.5 },
    ],
  },
  {
    name: 'kvm-snp',
    settings: fc.record({ ...virtioGuest, nvme: upTo(2) }),
    generate: kvmSnp.generate,
    staying: anyOf(VIRTIO, NVME, /^kvmclock /),
    wrong: [
      { cpus: 0 },
      { nics: -1 },
      { queues: 1025 },
      { nvme: 65 },
      { ringEntries: 100 },
      { ringEntries: 2048 },
      { bursts: -1 },
      { maps: 1.5 },
    ],
  },
  {
    name: 'tdx-vm',
    settings: fc.record({
      seed,
      cpus: upTo(20, 1),
      nvmes: upTo(3, 1),
      moduleLoads: upTo(3),
      bursts: upTo(10),
      ios: upTo(20),
      maps: upTo(20),
    }),
    generate: tdxVm.generate,
    staying: NVME,
    wrong: [{ cpus: 1025 }, { nvmes: 0 }, { moduleLoads: -1 }, { bursts: -1 }, { ios: 1e9 }, { maps: -1 }],
  },
  {
    name: 'cca-realm',
    settings: fc.record({ ...virtioGuest, entryBytes: upTo(16, 1) }),
    generate: ccaRealm.generate,
    staying: anyOf(VIRTIO, ITS),
    wrong: [{ entryBytes: 0 }, { entryBytes: 17 }, { cpus: 0 }, { ringEntries: 3 }],
  },
  {
    name: 'its-storm',
    settings: fc.record({
      seed,
      functions: upTo(40, 1),
      waves: upTo(4),
      entryBytes: upTo(16, 1),
      maxVectors: fc.constantFrom(1, 32, 2048),
    }),
    generate: itsStorm.generate,
    wrong: [{ functions: 0 }, { waves: -1 }, { entryBytes: 0 }, { maxVectors: 48 }, { maxVectors: 4096 }],
  },
  {
    name: 'nvme-atomic',
    settings: fc.record({
      seed,
      ioQueues: upTo(4),
      concurrency: upTo(60, 1),
      bursts: upTo(5, 1),
      kmallocPercent: upTo(100),
      nowaitPercent: upTo(100),
    }),
    generate: nvmeAtomic.generate,
    wrong: [
      { ioQueues: -1 },
      { concurrency: 0 },
      { bursts: 0 },
      { kmallocPercent: 101 },
      { nowaitPercent: -1 },
    ],
  },
  {
    name: 'dma-buf-heap',
    settings: fc.record({
      seed,
      clients: upTo(3, 1),
      buffersPerClient: upTo(4, 1),
      buffers: upTo(8, 1),
      mappedPercent: upTo(100),
    }),
    generate: dmaBufHeap.generate,
    wrong: [{ clients: 0 }, { buffersPerClient: 0 }, { buffers: 0 }, { mappedPercent: 101 }],
  },
  {
    name: 'mixed-day',
    settings: fc.record({
      seed,
      cpus: upTo(70, 1),
      nics: upTo(2, 1),
      disks: upTo(2, 1),
      functions: upTo(10),
      clients: upTo(2),
      maps: upTo(2),
      ios: upTo(2),
    }),
    generate: mixedDay.generate,
    staying: anyOf(HYPERV, VIRTIO, ITS, NVME, /^kvmclock /),
    wrong: [{ cpus: 0 }, { disks: 0 }, { functions: 5000 }, { clients: -1 }, { maps: 1001 }, { ios: -1 }],
  },
];

describe.each(FAMILIES)('$name, for any settings', ({ settings, generate, staying, wrong }) => {
  const always = (holds: (workload: Workload, settings: Readonly<Record<string, number>>) => void) =>
    fc.assert(
      fc.property(settings, (drawn) => {
        holds(generate(drawn), drawn);
      }),
      { numRuns: randomRuns(15) },
    );

  it('makes requests that are well formed', () => {
    always(({ requests, peakLivePages: peak }) => expect(peakLivePages(requests)).toBe(peak));
  });

  it('makes the same requests from the same seed', () => {
    always((workload, drawn) => expect(generate(drawn)).toEqual(workload));
  });

  it('leaves nothing behind but what is said to stay', () => {
    always((workload) => {
      const left = liveAtEnd(workload).map(({ owner }) => owner);
      expect(left.filter((owner) => staying === undefined || !staying.test(owner))).toEqual([]);
    });
  });

  it('frees what was made where nothing may sleep in such a place too', () => {
    always((workload) => {
      const atomic = new Set<number>();
      for (const request of workload.requests) {
        if (request.kind !== 'allocate' || !/ (map|descriptor)$/.test(request.owner)) continue;
        expect(maySleep(request.gfp ?? 0)).toBe(false);
        atomic.add(request.allocation);
      }
      const sleeping = frees(workload).filter(({ gfp }) => maySleep(gfp ?? 0));
      expect(sleeping.filter(({ allocation }) => atomic.has(allocation))).toEqual([]);
    });
  });

  it('makes other requests from another seed', () => {
    expect(generate({ seed: 2 }).requests).not.toEqual(generate({ seed: 1 }).requests);
  });

  it.each([{ seed: -1 }, { seed: 0.5 }, ...wrong])('refuses %j', (setting) => {
    expect(() => generate(setting)).toThrow(InputError);
    expect(() => generate(setting)).toThrow(Object.keys(setting)[0]);
  });
});

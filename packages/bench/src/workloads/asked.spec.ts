import { InputError, type Request } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { askedWorkload } from './asked.ts';
import { ccaRealm } from './cca-realm.ts';
import { kvmSnp } from './kvm-snp.ts';
import { allocations } from './testing.ts';
import { peakLivePages } from './workload.ts';

const requestsOf = (text: string): readonly Request[] => askedWorkload(text, 1).workload.requests;
const ownersOf = (text: string) => allocations(askedWorkload(text, 1).workload).map(({ owner }) => owner);
const count = (text: string, owner: RegExp) => ownersOf(text).filter((name) => owner.test(name)).length;

describe('a workload with parameters', () => {
  it('is the one that a program makes of them, under the name that was asked for', () => {
    const { workload, memory, platform } = askedWorkload('kvm-snp:cpus=4,nics=1,queues=2,nvme=3,bursts=2', 7);
    const made = kvmSnp.generate({ seed: 7, cpus: 4, nics: 1, queues: 2, nvme: 3, bursts: 2 });
    expect(workload).toEqual({ ...made, name: 'kvm-snp:cpus=4,nics=1,queues=2,nvme=3,bursts=2' });
    expect([memory, platform]).toEqual(['64G', undefined]);
  });

  it('has a seed of its own, or that of the others', () => {
    expect(requestsOf('cca-realm:seed=5,bursts=3')).toEqual(
      ccaRealm.generate({ seed: 5, bursts: 3 }).requests,
    );
    expect(requestsOf('cca-realm:bursts=3')).toEqual(ccaRealm.generate({ seed: 1, bursts: 3 }).requests);
  });

  it('says how much memory the machine has, as --memory takes it', () => {
    expect(askedWorkload('kvm-snp:bursts=0,memory=8G:fragmented=0.6', 1)).toMatchObject({
      ...{ memory: '8G:fragmented=0.6', isMemoryAsked: true },
    });
    expect(askedWorkload('nvme:bursts=0', 1)).toMatchObject({ isMemoryAsked: false });
  });

  it('a NIC has rings for all pairs that the host offers, a disk for no more queues than CPUs', () => {
    const text = 'kvm-snp:cpus=2,nics=1,disks=1,queues=8,bursts=0';
    expect(count(text, /^virtio-net eth0 queue$/)).toBe(17);
    expect(count(text, /^virtio-blk vd0 queue$/)).toBe(2);
    expect(count('kvm-snp:cpus=2,nics=0,disks=0,nvme=2,bursts=0', /^nvme\d I\/O queue$/)).toBe(8);
  });
});

describe('workloads joined by a plus', () => {
  const PARTS = ['virtio-net:queues=2,bursts=6', 'nvme:drives=2,queues=2,bursts=6', 'file-churn:seconds=20'];
  const joined = askedWorkload(PARTS.join('+'), 1);

  it('are one well-formed workload that makes all of their requests', () => {
    const alone = PARTS.map((part) => requestsOf(part).length);
    expect(joined.workload.requests).toHaveLength(alone.reduce((sum, length) => sum + length, 0));
    expect(peakLivePages(joined.workload.requests)).toBe(joined.workload.peakLivePages);
    expect(joined.workload.name).toBe(PARTS.join('+'));
  });

  it('each keeps the order, the times and the sizes of its requests', () => {
    for (const [part, owner] of [
      [PARTS[0], /^virtio/],
      [PARTS[1], /^nvme/],
    ] as const) {
      const told = (text: string) =>
        allocations(askedWorkload(text, 1).workload)
          .filter((request) => owner.test(request.owner))
          .map(({ allocation: _, ...rest }) => rest);
      expect(told(PARTS.join('+'))).toEqual(told(part));
    }
  });

  it('others load the page allocator at the same time', () => {
    const kinds = joined.workload.requests.map(({ kind }) => kind);
    const first = kinds.indexOf('background-allocate');
    expect(kinds.slice(first).filter((kind) => kind === 'allocate').length).toBeGreaterThan(100);
  });

  it('model the platform of the part that has one', () => {
    expect(askedWorkload('its-storm:functions=2,waves=0+nvme:bursts=0', 1).platform).toBe('cca');
  });
});

it.each<[string, RegExp]>([
  ['kvm-snp:cpus=5000', /workload kvm-snp: cpus is 5000; expected a whole number from 1 to 1024/],
  ['kvm-snp:cpus=some', /workload kvm-snp: cpus is 'some'; expected a whole number from 1 to 1024/],
  ['kvm-snp:cpus=', /cpus is ''; expected a whole number from 1 to 1024/],
  ['kvm-snp:ringEntries=3', /ringEntries is 3; expected a power of two from 2 to 1024/],
  ['kvm-snp:cpu=3', /unknown parameter 'cpu'.*'cpus'.*'decpool workloads kvm-snp'/],
  ['kvm-snp:cpus', /workload kvm-snp: 'cpus': expected PARAMETER=VALUE/],
  ['kvm-sno:cpus=3', /unknown workload 'kvm-sno'/],
  ['nvme+nvme:drives=2', /'nvme' is there twice; expected each once, with its count/],
  ['hyperv-vm+cca-realm', /different platforms, hyperv-vtom and cca/],
  ['nvme:memory=4G+virtio-net:memory=8G', /different memory sizes, 4G and 8G/],
])('%s is refused', (text, message) => {
  expect(() => askedWorkload(text, 1)).toThrow(InputError);
  expect(() => askedWorkload(text, 1)).toThrow(message);
});

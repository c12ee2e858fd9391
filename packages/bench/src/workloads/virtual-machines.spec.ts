import { GFP } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { ccaRealm } from './cca-realm.ts';
import { kvmSnp } from './kvm-snp.ts';
import { tdxVm } from './tdx-vm.ts';
import { allocations, flagsOf, liveAtEnd, sizesOf } from './testing.ts';

const ownersOf = (workload: Parameters<typeof allocations>[0]) =>
  allocations(workload).map(({ owner }) => owner);

describe('kvm-snp', () => {
  const workload = kvmSnp.generate({ cpus: 80 });

  it('at boot, a disk has a queue per CPU and a NIC two, and one for control', () => {
    const owners = ownersOf(kvmSnp.generate({ cpus: 3, nics: 1, disks: 1, bursts: 0 }));
    expect(owners.filter((owner) => owner === 'virtio-blk vd0 queue')).toHaveLength(3);
    expect(owners.filter((owner) => owner === 'virtio-net eth0 queue')).toHaveLength(7);
  });

  it('the second device of its kind has packed rings: three buffers for each queue', () => {
    expect(sizesOf(workload, /vd0 queue/)).toEqual(new Set(['dma_alloc_coherent 2 6726']));
    expect(sizesOf(workload, /vd1 queue/)).toEqual(
      new Set(['dma_alloc_coherent 1 4096', 'dma_alloc_coherent 1 4']),
    );
  });

  it('there are clocks beyond those of 64 CPUs, and none for a smaller guest', () => {
    expect(sizesOf(workload, /kvmclock/)).toEqual(new Set(['alloc_pages 1 1024']));
    expect(sizesOf(kvmSnp.generate({ cpus: 64, bursts: 1 }), /kvmclock/)).toEqual(new Set());
  });

  it('certificates and mappings are gone at the end', () => {
    expect(ownersOf(workload)).toContain('sev-guest ext report certs');
    expect(liveAtEnd(workload).every(({ owner }) => /queue$|^kvmclock/.test(owner))).toBe(true);
  });

  it('a device that is unplugged maps nothing', () => {
    const queues = new Map<string, number>();
    const deviceOf = new Map<number, string>();
    for (const request of workload.requests) {
      if (request.kind === 'allocate') {
        const device = request.owner.replace(/ (map|queue)$/, '');
        if (request.owner.endsWith(' map')) expect(queues.get(device)).toBeGreaterThan(0);
        if (!request.owner.endsWith(' queue')) continue;
        queues.set(device, (queues.get(device) ?? 0) + 1);
        deviceOf.set(request.allocation, device);
      } else if (request.kind === 'free') {
        const device = deviceOf.get(request.allocation);
        if (device !== undefined) queues.set(device, queues.get(device)! - 1);
      }
    }
    expect(queues.size).toBe(6);
  });
});

describe('tdx-vm', () => {
  const workload = tdxVm.generate();

  it('a controller has queues for administration and for each CPU', () => {
    const owners = ownersOf(tdxVm.generate({ cpus: 4, nvmes: 1, bursts: 0, moduleLoads: 0 }));
    expect(owners).toEqual([...Array(2).fill('nvme0 admin queue'), ...Array(8).fill('nvme0 I/O queue')]);
    expect(sizesOf(workload, /queue$/)).toEqual(
      new Set(
        ['512', '2048', '16384', '65536'].map(
          (bytes) => `dma_alloc_coherent ${Math.ceil(Number(bytes) / 4096)} ${bytes}`,
        ),
      ),
    );
  });

  it('descriptors come where nothing may sleep', () => {
    expect(sizesOf(workload, /descriptor/)).toEqual(new Set(['kmalloc 1 256', 'dma_alloc_coherent 1 4096']));
    expect(flagsOf(workload, /descriptor|map$/)).toEqual(new Set([GFP.GFP_ATOMIC]));
  });

  it('the module is loaded as often as asked for, and no quote buffer is left', () => {
    const quotes = ownersOf(workload).filter((owner) => owner === 'tdx-guest quote buffer');
    expect(quotes).toHaveLength(4);
    expect(liveAtEnd(workload).map(({ owner }) => owner)).not.toContain('tdx-guest quote buffer');
  });
});

describe('cca-realm', () => {
  it('the tables of the interrupt controller come first, and stay', () => {
    const workload = ccaRealm.generate({ cpus: 2 });
    const tables = [
      'its LPI property table',
      'its cpu0 LPI pending table',
      'its cpu1 LPI pending table',
      'its command queue',
      'its device table',
      'its collection table',
      'its device table of buses 0-31',
    ];
    expect(ownersOf(workload).slice(0, 7)).toEqual(tables);
    expect(
      liveAtEnd(workload)
        .slice(0, 7)
        .map(({ owner }) => owner),
    ).toEqual(tables);
  });

  it('each device has an interrupt translation table while it has queues', () => {
    const workload = ccaRealm.generate();
    const left = liveAtEnd(workload).map(({ owner }) => owner);
    const present = new Set(left.filter((owner) => owner.startsWith('virtio-')));
    expect(left.filter((owner) => owner.includes(' ITT'))).toHaveLength(present.size);
    expect(present.size).toBeLessThan(12);
  });

  it('a table grows with queues and entry size', () => {
    // 2 x 64 + 1 queues and one vector more: 256 vectors of 8 bytes.
    expect(sizesOf(ccaRealm.generate({ cpus: 64, nics: 1, disks: 0, bursts: 0 }), / ITT/)).toEqual(
      new Set(['kmalloc 1 2048']),
    );
    const large = ccaRealm.generate({ cpus: 64, nics: 1, disks: 0, bursts: 0, entryBytes: 12 });
    expect(sizesOf(large, / ITT/)).toEqual(new Set(['kmalloc 1 3072']));
  });
});

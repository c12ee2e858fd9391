import { type AllocationId, GFP_KERNEL } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { hypervVm } from './hyperv-vm.ts';
import { allocations, liveAtEnd, sizesOf } from './testing.ts';

it('after boot, every CPU, disk and NIC has what it needs', () => {
  const workload = hypervVm.generate({ cpus: 4, nics: 1, disks: 1, events: 0, hypercallPages: 1 });
  const owners = allocations(workload).map(({ owner }) => owner);
  const count = (owner: RegExp) => owners.filter((name) => owner.test(name)).length;
  expect(count(/^hyperv cpu\d hypercall/)).toBe(4);
  expect(count(/^vmbus monitor/)).toBe(2);
  expect(count(/^hv_utils/)).toBe(3);
  expect(count(/^storvsc scsi0 ring/)).toBe(4);
  expect(count(/^netvsc eth0 ring/)).toBe(4);
  expect(count(/^netvsc eth0 (recv|send)_buf/)).toBe(2);
  expect(liveAtEnd(workload)).toHaveLength(owners.length);
});

it('devices on confidential channels share nothing; the host still has its services and monitor pages', () => {
  const workload = hypervVm.generate({ confidential: 1 });
  const owners = new Set(allocations(workload).map(({ owner }) => owner.split(' ')[0]));
  expect(owners).toEqual(new Set(['vmbus', 'hv_utils']));
  expect(workload.peakLivePages).toBe(26);
});

describe('by default', () => {
  const workload = hypervVm.generate();

  it('no hypercall page is shared, because a paravisor makes the hypercalls', () => {
    expect(sizesOf(workload, /hypercall/)).toEqual(new Set());
  });

  it('without a paravisor, each CPU takes its pages with GFP_KERNEL at boot and keeps them during a suspend', () => {
    const withoutParavisor = hypervVm.generate({ hypercallPages: 2 });
    expect(sizesOf(withoutParavisor, /hypercall/)).toEqual(new Set(['kmalloc 2 8192']));
    const pages = allocations(withoutParavisor).filter(({ owner }) => owner.includes('hypercall'));
    expect(pages.map(({ gfp = GFP_KERNEL }) => gfp)).toEqual(Array(16).fill(GFP_KERNEL));
    expect(liveAtEnd(withoutParavisor).filter(({ owner }) => owner.includes('hypercall'))).toEqual(pages);
  });

  it('a suspend drops the rings and buffers of all devices, and a resume makes the same again', () => {
    const live = new Map<AllocationId, string>();
    const devices = () =>
      [...live.values()].filter((owner) => /^(netvsc|storvsc|hv_utils)/.test(owner)).sort();
    let before: readonly string[] = [];
    let last: readonly string[] = [];
    let asleep: readonly string[] | undefined;
    let suspends = 0;
    let time = 0;
    for (const request of workload.requests) {
      // Events are a second to half a minute apart, and a guest sleeps for a minute or more.
      if (request.time - time >= 1_000_000_000) {
        if (asleep !== undefined) expect(devices()).toEqual(asleep);
        asleep = undefined;
        [before, last] = [last, devices()];
        if (request.time - time >= 60_000_000_000) {
          expect(last).toEqual([]);
          asleep = before;
          suspends++;
        }
      }
      time = request.time;
      if (request.kind === 'allocate') live.set(request.allocation, request.owner);
      if (request.kind === 'free') live.delete(request.allocation);
    }
    expect(suspends).toBeGreaterThan(0);
  });

  it('the buffer of a NIC changes its size when its rings are set', () => {
    expect(sizesOf(workload, /recv_buf/).size).toBeGreaterThan(1);
    expect(sizesOf(workload, /send_buf/)).toEqual(new Set(['vmalloc 255 1044480']));
  });
});

import { expect, it } from 'vitest';
import { bounceLoad } from './bounce-load.ts';
import { durationOf } from './workload.ts';

const KIB = 1024;
const CPUS = 3;
const { requests, ...workload } = bounceLoad.generate({ mib: 3, seconds: 10, rate: 50, cpus: CPUS });
const maps = requests.filter((request) => request.kind === 'allocate');
const isPacket = ({ owner }: { readonly owner: string }) => owner.startsWith('virtio-net');

it('makes streaming maps only, of up to 252 KiB, and ends them all', () => {
  expect(new Set(maps.map(({ api }) => api))).toEqual(new Set(['dma_map']));
  expect(Math.max(...maps.map(({ bytes }) => bytes))).toBe(252 * KIB);
  expect(requests.length).toBe(2 * maps.length);
  expect(maps[0].time).toBe(20e9);
  expect(durationOf({ requests, ...workload })).toBeLessThanOrEqual(30e9);
});

it('holds receive buffers of as much as it is told and 64 I/Os a CPU, from its first moment to its last', () => {
  const owners = new Map(maps.map((map) => [map.allocation, map]));
  const held = { packets: 0, ios: 0 };
  const end = requests.at(-1)?.time ?? 0;
  for (const request of requests) {
    if (request.time > 20e9 && request.time < end && request.kind === 'free') {
      expect(held.packets).toBeGreaterThanOrEqual((3 * 1024) / 4 - 1);
      expect(held.ios).toBeGreaterThanOrEqual(64 * CPUS - 1);
      expect(held.packets).toBeLessThanOrEqual((3 * 1024) / 4);
      expect(held.ios).toBeLessThanOrEqual(64 * CPUS);
    }
    const map = 'allocation' in request ? owners.get(request.allocation) : undefined;
    if (map === undefined) continue;
    held[isPacket(map) ? 'packets' : 'ios'] += request.kind === 'allocate' ? 1 : -1;
  }
  expect(held).toEqual({ packets: 0, ios: 0 });
});

it('ends the receive buffers of a CPU in the order in which they were mapped, and I/Os in any', () => {
  const inOrder = (wanted: boolean, cpu: number) => {
    const own = maps.filter((map) => isPacket(map) === wanted && (map.cpu ?? 0) === cpu);
    const places = new Map(own.map(({ allocation }, place) => [allocation, place]));
    const ends = requests.flatMap((request) =>
      request.kind === 'free' ? (places.get(request.allocation) ?? []) : [],
    );
    return ends.every((place, at) => at === 0 || place > ends[at - 1]);
  };
  for (let cpu = 0; cpu < CPUS; cpu++)
    expect([inOrder(true, cpu), inOrder(false, cpu)]).toEqual([true, false]);
});

it('maps on all of its CPUs, and ends each map where it began', () => {
  const cpus = new Map(maps.map(({ allocation, cpu = 0 }) => [allocation, cpu]));
  for (const request of requests) {
    if (request.kind === 'free') expect(request.cpu ?? 0).toBe(cpus.get(request.allocation));
  }
  expect(new Set(cpus.values())).toEqual(new Set([0, 1, 2]));
});

import { expect, it } from 'vitest';
import { bounceLoad } from './bounce-load.ts';
import { durationOf } from './workload.ts';

const MIB = 2 ** 20;
const { requests, ...workload } = bounceLoad.generate({ mib: 8, seconds: 10, rate: 50 });

it('makes streaming maps only, of up to 256 KiB, and ends them all', () => {
  const maps = requests.filter((request) => request.kind === 'allocate');
  expect(new Set(maps.map(({ api }) => api))).toEqual(new Set(['dma_map']));
  expect(Math.max(...maps.map(({ bytes }) => bytes))).toBe(256 * 1024);
  expect(requests.length).toBe(2 * maps.length);
  expect(maps[0].time).toBe(20e9);
  expect(durationOf({ requests, ...workload })).toBeLessThanOrEqual(30e9);
});

it('holds as much as it is told, from its first moment to its last', () => {
  const bytes = new Map<number, number>();
  let held = 0;
  const end = requests.at(-1)?.time;
  const after = requests.map((request) => {
    if (request.kind === 'allocate') bytes.set(request.allocation, request.bytes);
    const size = 'allocation' in request ? (bytes.get(request.allocation) ?? 0) : 0;
    held += request.kind === 'allocate' ? size : -size;
    return { time: request.time, held };
  });
  const between = after.filter(({ time }) => time > 20e9 && time !== end).map((moment) => moment.held);
  expect(Math.max(...between)).toBeLessThan(8 * MIB + 256 * 1024);
  // A map may have ended whose successor is the next request.
  expect(Math.min(...between)).toBeGreaterThanOrEqual(8 * MIB - 256 * 1024);
  expect(held).toBe(0);
});

it('maps on all of its CPUs, and ends each map where it began', () => {
  const cpus = new Map<number, number>();
  for (const request of bounceLoad.generate({ mib: 8, seconds: 2, cpus: 4 }).requests) {
    if (request.kind === 'allocate') cpus.set(request.allocation, request.cpu ?? 0);
    else if (request.kind === 'free') expect(request.cpu ?? 0).toBe(cpus.get(request.allocation));
  }
  expect(new Set(cpus.values())).toEqual(new Set([0, 1, 2, 3]));
});

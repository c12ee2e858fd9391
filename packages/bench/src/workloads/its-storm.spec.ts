import { expect, it } from 'vitest';
import { itsStorm } from './its-storm.ts';
import { allocations } from './testing.ts';

it('every table is a kmalloc of 256 bytes or more, aligned to 256', () => {
  for (const { api, bytes, align, owner } of allocations(itsStorm.generate())) {
    expect({ api, align }).toEqual({ api: 'kmalloc', align: 256 });
    expect(bytes).toBeGreaterThanOrEqual(256);
    expect(bytes).toBeLessThanOrEqual(512 * 8);
    expect(owner).toMatch(/^its PCI function \d+ ITT$/);
  }
});

it('all functions are there after each wave, and none has two tables', () => {
  const functions = 50;
  const live = new Map<number, string>();
  let timesFull = 0;
  for (const request of itsStorm.generate({ functions, waves: 3 }).requests) {
    if (request.kind === 'allocate') {
      expect([...live.values()]).not.toContain(request.owner);
      live.set(request.allocation, request.owner);
      if (live.size === functions) timesFull++;
    } else if (request.kind === 'free') {
      live.delete(request.allocation);
    }
  }
  expect(timesFull).toBe(4);
});

it('small tables are more frequent than large ones', () => {
  const sizes = allocations(itsStorm.generate()).map(({ bytes }) => bytes);
  const small = sizes.filter((bytes) => bytes === 256).length;
  expect(small).toBeGreaterThan(sizes.length / 2);
  expect(Math.max(...sizes)).toBe(4096);
});

it('the entry size is a parameter', () => {
  const sizes = new Set(
    allocations(itsStorm.generate({ entryBytes: 12, maxVectors: 64 })).map(({ bytes }) => bytes),
  );
  expect(sizes).toEqual(new Set([256, 384, 768]));
});

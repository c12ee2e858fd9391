import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PageTime } from './page-time.ts';

const DAY_NS = 86_400e9;

it('is nothing before anything was added', () => {
  expect(new PageTime().pageNs).toBe(0n);
});

it('holds 4 GiB over a day and a page-ns more, which a double cannot', () => {
  const time = new PageTime();
  time.add(2 ** 20, DAY_NS);
  time.add(1, 1);
  expect(time.pageNs).toBe(2n ** 20n * 86_400_000_000_000n + 1n);
  expect(2 ** 20 * DAY_NS + 1).toBe(2 ** 20 * DAY_NS);
});

it('is the exact sum of any steps that come to 6.5 days of up to 1 TiB', () => {
  const step = fc.tuple(fc.nat({ max: 2 ** 28 }), fc.integer({ min: 0, max: 2 ** 49 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const time = new PageTime();
      let exact = 0n;
      for (const [pages, share] of steps) {
        const ns = Math.floor(share / steps.length);
        time.add(pages, ns);
        exact += BigInt(pages) * BigInt(ns);
      }
      expect(time.pageNs).toBe(exact);
    }),
  );
});

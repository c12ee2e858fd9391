import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlockTimeline } from './block-timeline.ts';

const REQUESTS = 50;
const spans = fc
  .tuple(fc.nat(REQUESTS - 1), fc.integer({ min: 1, max: REQUESTS }))
  .map(([start, length]) => ({
    start,
    end: Math.min(REQUESTS, start + length),
  }));

it('tells exactly what is used at some time in a span, however coarse its leaves are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ span: spans, page: fc.nat(63) })),
      spans,
      fc.constantFrom(1, 4, 64),
      (items, asked, leaves) => {
        const timeline = new BlockTimeline(64, REQUESTS, leaves);
        const expected = new Int32Array(2);
        for (const { span, page } of items) {
          const mask = new Int32Array(2);
          mask[page >>> 5] = 1 << (page & 31);
          timeline.add(span.start, span.end, mask);
          if (span.start < asked.end && asked.start < span.end) expected[page >>> 5] |= mask[page >>> 5];
        }
        const used = new Int32Array(2);
        timeline.collect(asked.start, asked.end, used);
        expect(used).toEqual(expected);
      },
    ),
  );
});

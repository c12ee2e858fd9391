import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable, printableLines } from './printable.ts';

it('what a name could do to a terminal is shown instead of done', () => {
  expect(printable('ring \u001b[31m\u0007\r\n\u009b2J')).toBe(
    'ring \\u001b[31m\\u0007\\u000d\\u000a\\u009b2J',
  );
  expect(printable('a\u202eb\u2066c')).toBe('a\\u202eb\\u2066c');
});

it('names of any language stay as they are', () => {
  expect(printable('netvsc eth0: récepteur 受信 \u{1f980}')).toBe('netvsc eth0: récepteur 受信 \u{1f980}');
});

it('nothing unprintable is left of any text, but the ends of its lines where they are wanted', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/\p{Cc}/u);
      expect(printableLines(text).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: randomRuns(100) },
  );
});

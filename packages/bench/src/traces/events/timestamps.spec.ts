import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseSeconds } from './timestamps.ts';

it('reads seconds to the nanosecond, where a double could not', () => {
  expect(parseSeconds('7.420449')).toBe(7_420_449_000n);
  expect(parseSeconds('7.61132')).toBe(7_611_320_000n);
  expect(parseSeconds('0.000000001')).toBe(1n);
  expect(parseSeconds('99999999.123456789')).toBe(99_999_999_123_456_789n);
  expect(parseSeconds('12')).toBe(12_000_000_000n);
});

it('reads every number of microseconds as it was written', () => {
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999 }), fc.nat({ max: 999_999 }), (seconds, micros) => {
      expect(parseSeconds(`${seconds}.${String(micros).padStart(6, '0')}`)).toBe(
        BigInt(seconds) * 1_000_000_000n + BigInt(micros) * 1000n,
      );
    }),
  );
});

it.each(['', '-1', '1.', '.5', '1e-7', '1.0000000001', '1234567890123', '0x10', 'soon'])(
  'does not take %j for a time',
  (text) => {
    expect(parseSeconds(text)).toBeUndefined();
  },
);

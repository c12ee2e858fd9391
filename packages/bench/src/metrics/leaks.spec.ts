import { pfn } from '@decpool/model';
import { logHeader } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { leakMetrics } from './leaks.ts';
import { conversionFailed, encrypted, measure } from './testing.ts';

const FAULTS = { seed: 1, decrypt: 0.5, encrypt: 0.5, converted: 0.5, retries: 1 };
/** The family as it is for a run in which conversions fail. */
const failing: typeof leakMetrics = {
  ...leakMetrics,
  measure: (header, run) => leakMetrics.measure(logHeader({ ...header, faults: FAULTS }), run),
};

const leaked = (start: number, pages: number) => ({
  type: 'pages-leaked' as const,
  pfn: pfn(start),
  pages,
  owner: 0,
});
const done = { converted: true as const };
const areaFailed = (start: number, pages: number, direction: 'decrypt' | 'encrypt', offset: number) => ({
  ...conversionFailed(start, pages, direction),
  offset,
});
const areaEncrypted = (start: number, pages: number, offset: number) => ({
  ...encrypted(start, pages),
  type: 'vm-area-encrypted' as const,
  offset,
});

describe('what the host sees of leaked pages', () => {
  it.each([
    ['a decryption that was not done', [conversionFailed(0, 4, 'decrypt'), leaked(0, 4)], 0],
    ['a decryption that was done', [{ ...conversionFailed(0, 4, 'decrypt'), ...done }, leaked(0, 4)], 4],
    ['an encryption that was not done', [conversionFailed(0, 4, 'encrypt'), leaked(0, 4)], 4],
    ['an encryption that was done', [{ ...conversionFailed(0, 4, 'encrypt'), ...done }, leaked(0, 4)], 0],
    [
      'a decryption that was done and a retry that was not',
      [{ ...conversionFailed(0, 4, 'decrypt'), ...done }, conversionFailed(0, 4, 'encrypt'), leaked(0, 4)],
      4,
    ],
    ['neither done', [conversionFailed(0, 4, 'decrypt'), conversionFailed(0, 4, 'encrypt'), leaked(0, 4)], 0],
    [
      'another range that a retry made private again',
      [
        { ...conversionFailed(8, 2, 'decrypt'), ...done },
        encrypted(8, 2),
        conversionFailed(0, 4, 'encrypt'),
        leaked(0, 4),
      ],
      4,
    ],
    [
      'a decryption of a vmalloc area that was done',
      [
        { ...areaFailed(0, 4, 'decrypt', 0), ...done },
        { ...areaFailed(8, 2, 'decrypt', 4), ...done },
        leaked(0, 4),
        leaked(8, 2),
      ],
      6,
    ],
    [
      'an encryption of a vmalloc area that was not done',
      [areaFailed(0, 4, 'encrypt', 0), areaFailed(8, 2, 'encrypt', 4), leaked(0, 4), leaked(8, 2)],
      6,
    ],
    [
      'a retry for a whole vmalloc area that was done',
      [
        { ...areaFailed(0, 4, 'decrypt', 0), ...done },
        { ...areaFailed(8, 2, 'decrypt', 4), ...done },
        { ...areaFailed(0, 4, 'encrypt', 0), ...done },
        { ...areaFailed(8, 2, 'encrypt', 4), ...done },
        leaked(0, 4),
        leaked(8, 2),
      ],
      0,
    ],
    [
      'a retry that made a vmalloc area private again, and later encryptions of its pages that were not done',
      [
        areaFailed(0, 4, 'decrypt', 0),
        areaFailed(8, 2, 'decrypt', 4),
        areaEncrypted(0, 4, 0),
        areaEncrypted(8, 2, 4),
        conversionFailed(0, 4, 'encrypt'),
        conversionFailed(8, 2, 'encrypt'),
        leaked(0, 4),
        leaked(8, 2),
      ],
      6,
    ],
  ])('after %s', (_, history, pages) => {
    expect(measure(failing, history)['leaked-visible']).toBe(pages * 4096);
  });
});

it('takes what is lost and what the host may see from the state', () => {
  const counters = { failedConversions: 3, leakedPages: 5, sharedPages: 7, unknownPages: 6 };
  expect(measure(failing, [], counters)).toEqual({
    'failed-conversions': 3,
    leaked: 5 * 4096,
    'leaked-visible': 0,
    'host-may-see': 13 * 4096,
  });
});

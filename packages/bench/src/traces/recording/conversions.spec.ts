/** Conversions written by hand, in a folder that has nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { freshBoot } from '@decpool/pool';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordedConversions } from './conversions.ts';
import type { Recording } from './recording.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-conversions-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const BASE = 0xffff888000000000n;
const BLOCK = 512;
const PAGES = 2 * BLOCK * BLOCK;
/** 2 GiB: the first mapped by one entry of 1G, the second by entries of 2M. */
const MEMORY = {
  ...freshBoot(PAGES * 4096),
  directMap: [
    [0, PAGES / 2, 3],
    [PAGES / 2, PAGES / 2, 2],
  ],
} as unknown as ReturnType<typeof freshBoot>;

function found(lines: readonly string[], directMapBase: bigint | undefined = BASE) {
  writeFileSync(join(folder, 'conversions.gz'), gzipSync(lines.map((line) => `${line}\n`).join('')));
  return recordedConversions({ folder, directMapBase } as Recording, MEMORY);
}

const line = (event: string, fields: string, task = 'modprobe-7') =>
  `  ${task}     [001] .....    56.203300: ${event}: (set_memory_encrypted+0x4/0x70) ${fields}`;

/** A call on the pages from `page` on, and its return. */
const call = (event: 'setdec' | 'setenc', page: number, pages: number | string) => [
  line(event, `addr=0x${(BASE + BigInt(page) * 4096n).toString(16).padStart(16, '0')} npages=${pages}`),
  line(`${event}ret`, 'ret=0'),
];

describe('the split rule at the recorded pages', () => {
  const sumOf = async (...calls: readonly Parameters<typeof call>[]) =>
    (await found(calls.flatMap((each) => call(...each)))).rule;

  it('splits entries that a call changes in part, once, and none that it changes as a whole or not at all', async () => {
    const none = { splits2M: 0, splits1G: 0, elsewhere: 0 };
    const inBlocks = PAGES / 2;
    expect(await sumOf(['setdec', inBlocks + 5, 1])).toEqual({ ...none, splits2M: 1 });
    expect(await sumOf(['setdec', inBlocks + 5, 1], ['setdec', inBlocks + 9, 2])).toEqual({
      ...none,
      splits2M: 1,
    });
    // The first page of the entry of 1G: its block is split, too.
    expect(await sumOf(['setdec', 0, 1])).toEqual({ ...none, splits2M: 1, splits1G: 1 });
    expect(await sumOf(['setdec', inBlocks, BLOCK])).toEqual(none);
    expect(await sumOf(['setdec', inBlocks, BLOCK], ['setdec', inBlocks + 3, 1])).toEqual(none);
    expect(await sumOf(['setdec', inBlocks, BLOCK], ['setenc', inBlocks + 3, 1])).toEqual({
      ...none,
      splits2M: 1,
    });
    // All is private at first.
    expect(await sumOf(['setenc', inBlocks + 3, 1])).toEqual(none);
    expect(await sumOf(['setdec', inBlocks + BLOCK - 1, 2])).toEqual({ ...none, splits2M: 2 });
  });

  it('takes the last page of the direct map, and counts apart what lies beyond it or before it', async () => {
    const elsewhere = async (page: number, pages: number) =>
      (await sumOf(['setdec', page, pages], ['setdec', PAGES - 1, 1]))?.elsewhere;
    expect(await elsewhere(0, PAGES)).toBe(0);
    expect(await elsewhere(PAGES - 1, 1)).toBe(0);
    expect(await elsewhere(PAGES - 1, 2)).toBe(1);
    expect(await elsewhere(PAGES, 1)).toBe(1);
    expect(await elsewhere(-1, 1)).toBe(1);
    expect(await elsewhere(-1, 2)).toBe(1);
    expect((await sumOf(['setdec', PAGES, 1], ['setdec', PAGES, 1]))?.elsewhere).toBe(2);
  });

  it('says nothing of calls without pages, and of none if nobody knows where the direct map begins', async () => {
    const none = { splits2M: 0, splits1G: 0, elsewhere: 0 };
    expect(await sumOf(['setdec', -1, 0], ['setdec', -1, 'x'], ['setdec', -1, PAGES + 1])).toEqual(none);
    const { calls, rule } = await found([line('setdec', 'npages=1'), ...call('setdec', 3, 1)], BASE);
    expect([calls, rule]).toEqual([2, { splits2M: 1, splits1G: 1, elsewhere: 0 }]);
    writeFileSync(join(folder, 'conversions.gz'), gzipSync(call('setdec', 3, 1).join('\n')));
    const unknown = { folder, directMapBase: undefined } as Recording;
    expect((await recordedConversions(unknown, MEMORY)).rule).toBeUndefined();
  });
});

it('a call failed if it returned anything but 0, in decimal or as hexadecimal digits', async () => {
  const failed = async (value: string) => (await found([line('setdecret', value), '#'])).failed;
  for (const value of ['ret=0', 'ret=0x0', 'ret=0x00000', 'map4k=1 ret=0'])
    expect(await failed(value), value).toBe(0);
  for (const value of ['ret=-12', 'ret=0x1', 'ret=10', 'ret=', ''])
    expect(await failed(value), value).toBe(1);
  expect((await found(['setencret', 'setdecret'].map((event) => line(event, 'ret=-12')))).failed).toBe(2);
});

it('a recording without conversions has no call', async () => {
  const none = { folder: join(folder, 'none'), directMapBase: undefined } as Recording;
  expect(await recordedConversions(none, MEMORY)).toEqual({
    calls: 0,
    failed: 0,
    kernel: undefined,
    rule: undefined,
  });
});

/** What happens in a kernel: calls of tasks begin and return, and entries are split, by them or by other code. */
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ step: fc.constantFrom('call', 'return'), task: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constantFrom('split 2M', 'split 1G', 'event') }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('uncounted call'), task: fc.nat(2) }) },
  ),
  { maxLength: 20 },
);

it('the kernel split what its counts say between two events while some call had not returned', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const counts = { map4k: 1000, map1g: 60 };
      const lines: string[] = [];
      const open = new Set<number>();
      let [calls, returned] = [0, 0];
      const splits = { splits2M: 0, splits1G: 0 };
      /** Since the last event of a call: not counted yet. */
      let since = { splits2M: 0, splits1G: 0 };
      let isKnown = false;
      const seen = (hasCounts: boolean) => {
        if (open.size > 0 && isKnown && hasCounts) {
          splits.splits2M += since.splits2M;
          splits.splits1G += since.splits1G;
        }
        since = { splits2M: 0, splits1G: 0 };
        isKnown = hasCounts;
      };
      for (const each of drawn) {
        const { step } = each;
        const told = `map4k=${counts.map4k} map2m=500 map1g=${counts.map1g}`;
        if (step === 'split 2M') {
          counts.map4k += BLOCK;
          since.splits2M++;
        } else if (step === 'split 1G') {
          counts.map1g--;
          since.splits1G++;
        } else if (!('task' in each)) {
          lines.push(line('module_free', `e1000 ${told}`), 'no event');
        } else {
          const task = `modprobe-${each.task}`;
          const isReturn = step === 'return';
          const hasCounts = step !== 'uncounted call';
          const fields = `ret=0 ${hasCounts ? told : 'map2m=500'}`;
          lines.push(line(isReturn ? 'setencret' : 'setenc', fields, task));
          seen(hasCounts);
          if (!isReturn) {
            open.add(each.task);
            calls++;
          } else if (open.delete(each.task)) returned++;
        }
      }
      const { kernel, ...rest } = await found(lines);
      expect(rest).toMatchObject({ calls, failed: 0 });
      expect(kernel).toEqual(returned > 0 ? splits : undefined);
    }),
    { numRuns: 60 },
  );
});

import { describe, expect, it } from 'vitest';
import { layoutOf } from './block-map-layout.ts';
import { looksAtBoot, memoryOf, runLooks } from './block-map-looks.ts';
import { history, IDLE, LARGE, MIXED, run, SPLIT } from './block-map-testing.ts';
import {
  blockText,
  explainCommand,
  factsOf,
  momentText,
  moreBlocksText,
  scaleText,
  sharedBlocks,
  timesUpTo,
} from './block-map-text.ts';

const input = history([
  run('a', [
    [3, 1, MIXED, SPLIT],
    [4, 2, IDLE, LARGE],
  ]),
]);
const shown = runLooks(input.runs[0], looksAtBoot(input));
shown.show(2);

describe('the facts of a block', () => {
  it('are its state, mapping, pages, time and owners', () => {
    expect(factsOf(input, shown, 3, 2)).toEqual({
      state: 'mixed: private and shared pages',
      mapping: expect.stringContaining('split'),
      pages: '100 shared, 40 used, of 512',
      since: '1.000 s, for 2.000 s',
      pins: ['netvsc: 30 pages, since 2.000 s', 'nvme\\u202e: 10 pages, since 2.000 s', 'and 2 more owners'],
    });
  });

  it('say that nothing pins an idle block', () => {
    expect(factsOf(input, shown, 4, 2).pins).toEqual([expect.stringMatching(/^nothing/)]);
  });

  it('are those of the boot before the first change, and of holes', () => {
    expect(factsOf(input, shown, 4, 1)).toMatchObject({ state: 'private', since: 'no page is shared' });
    expect(factsOf(input, shown, 0, 2).mapping).toBe('by 4K entries since boot');
    expect(factsOf(input, shown, 10, 2).state).toBe('no memory at this address');
  });

  it('come under its number, pfns and address', () => {
    expect(blockText(input, 3)).toBe('Block 3: pfns 1536..2047, address 0x600000');
  });
});

describe('the command', () => {
  it('names log and block', () => {
    expect(explainCommand('decpool-results/netvsc', 'logs/linux-6.12.arrow', 3).join(' ')).toBe(
      'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --block 3',
    );
  });

  it('is one that a shell takes as it is meant, whatever the log is called', () => {
    expect(explainCommand('-my results', "a'; rm -rf $HOME #\u202e", 3)[1]).toBe(
      `'./-my results/a'\\''; rm -rf $HOME #\\u202e'`,
    );
  });
});

describe('moments', () => {
  it('are time and requests', () => {
    expect([0, 2].map((frame) => momentText(input, frame))).toEqual([
      '0.000 s, after boot',
      '3.000 s, after request 20 of 1,200',
    ]);
  });

  it('are in the unit that suits the whole run', () => {
    expect(timesUpTo(1.5e6)(2000)).toBe('0.002 ms');
    expect(timesUpTo(12)(3)).toBe('3 ns');
    expect(timesUpTo(0)(0)).toBe('0 ns');
  });
});

describe('the table', () => {
  it('has the blocks that are shared at the frame', () => {
    expect(sharedBlocks(shown, 1).rows).toEqual([
      ['3', 'mixed', '4K, split', '100', '40', 'netvsc, nvme\\u202e, 2 more'],
    ]);
    expect(sharedBlocks(shown, 2).rows.map((row) => [row.at(0), row.at(-1)])).toEqual([
      ['3', 'netvsc, nvme\\u202e, 2 more'],
      ['4', 'nothing'],
    ]);
  });

  it('stops at 200 rows and says how many there are', () => {
    const many = Array.from({ length: 250 }, (_, block) => [block, 0, IDLE, LARGE] as const);
    const { rows, all } = sharedBlocks(runLooks(run('a', many), new Uint8Array(250)), 0);
    expect([rows.length, all]).toEqual([200, 250]);
    expect([50, 1].map(moreBlocksText)).toEqual(['and 50 more shared blocks', 'and 1 more shared block']);
  });
});

describe('the scale', () => {
  const view = { width: 572, scale: 1, isFolded: false };

  it('says what cells and rows stand for', () => {
    expect(scaleText(layoutOf(memoryOf(input), view), 2 ** 21)).toMatch(/a block of 2 MiB.* 32 MiB/);
    const large = memoryOf({ ...input, blocks: 32_768, ram: [[0, 32_768]] });
    expect(scaleText(layoutOf(large, view), 2 ** 21)).toMatch(/4 blocks of 2 MiB.* 1 GiB/);
  });
});

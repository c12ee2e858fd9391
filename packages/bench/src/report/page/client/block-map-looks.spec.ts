import { describe, expect, it } from 'vitest';
import { KINDS, kindOf, looksAtBoot, markOf, memoryOf, merged, runLooks } from './block-map-looks.ts';
import { history, IDLE, LARGE, MIXED, PRIVATE, run, SPLIT, UNKNOWN, USED } from './block-map-testing.ts';

const input = history([
  run('a', [
    [3, 1, MIXED, SPLIT],
    [3, 3, PRIVATE, SPLIT],
    [4, 1, USED, LARGE],
    [4, 2, IDLE, LARGE],
    [5, 2, UNKNOWN, SPLIT],
  ]),
  run('b', [[7, 0, USED, LARGE]]),
]);
const shown = runLooks(input.runs[0], looksAtBoot(input));

function kindsAt(frame: number): string[] {
  shown.show(frame);
  return [...shown.looks].map(kindOf);
}

describe('looks of blocks', () => {
  it('are of the boot until something changes: holes, 4K-mapped and large-mapped blocks', () => {
    const kinds = kindsAt(0);
    expect(kinds[0]).toBe('boot');
    expect(kinds[10]).toBe('hole');
    expect(kinds.filter((kind) => kind === 'private')).toHaveLength(13);
  });

  it('follow time in both directions', () => {
    expect(kindsAt(1).slice(3, 6)).toEqual(['mixed', 'used', 'private']);
    expect(kindsAt(2).slice(3, 6)).toEqual(['mixed', 'idle', 'unknown']);
    expect(kindsAt(3).slice(3, 6)).toEqual(['split', 'idle', 'unknown']);
    expect(kindsAt(0).slice(3, 6)).toEqual(['private', 'private', 'private']);
  });

  it('carry the split as a mark on whatever the block is', () => {
    shown.show(2);
    expect([3, 4, 5].map((block) => markOf(shown.looks[block]))).toEqual(['split', 'none', 'split']);
  });

  it('are counted by kind, and splits over all kinds', () => {
    shown.show(3);
    const { kinds, split } = shown.counts();
    expect(Object.fromEntries(KINDS.map((kind, index) => [kind, kinds[index]]))).toEqual({
      hole: 2,
      private: 10,
      boot: 1,
      split: 1,
      idle: 1,
      used: 0,
      mixed: 0,
      unknown: 1,
    });
    expect(split).toBe(2);
  });

  it('of blocks that share a cell are the most telling kind and mark of them', () => {
    shown.show(1);
    const [mixed, used] = [shown.looks[3], shown.looks[4]];
    expect(merged(used, mixed)).toBe(mixed);
    shown.show(3);
    const both = merged(used, shown.looks[3]);
    expect([kindOf(both), markOf(both)]).toEqual(['used', 'split']);
  });
});

describe('memory to lay out', () => {
  it('is touched where any of the runs changed it', () => {
    const { isTouched, isRam, blockBytes } = memoryOf(input);
    expect([...isTouched.keys()].filter((block) => isTouched[block] === 1)).toEqual([3, 4, 5, 7]);
    expect([...isRam.keys()].filter((block) => isRam[block] === 0)).toEqual([10, 11]);
    expect(blockBytes).toBe(2 ** 21);
  });
});

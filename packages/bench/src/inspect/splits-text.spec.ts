import { describe, expect, it } from 'vitest';
import { requested } from '../metrics/testing.ts';
import type { FoundSplits } from './splits.ts';
import { CONTIGUOUS_HISTORY, HISTORY, OWNERS, split, splitsIn } from './splits-testing.ts';
import { splitsText } from './splits-text.ts';

const TEXT = { by: 'owner', isAll: false, columns: 100, path: 'run.arrow' } as const;
const textOf = (found: FoundSplits, options: Partial<Parameters<typeof splitsText>[1]> = {}): string =>
  splitsText(found, { ...TEXT, ...options });

describe('the text', () => {
  const many = (owners: number, name: (owner: number) => string) => {
    const events = Array.from({ length: owners }, (_, index) => [
      { ...requested(index + 1, 1, 4096), owner: index, request: index + 1, time: index },
      { ...split(index, 2), request: index + 1, time: index },
    ]);
    return splitsIn(
      events.flat(),
      Array.from({ length: owners }, (_, index) => name(index)),
    );
  };

  it('begins with how many splits there are and who caused most', () => {
    const [first] = textOf(splitsIn(HISTORY, OWNERS)).split('\n');
    expect(first).toBe("5 2M splits and 1 1G split; 'netvsc' caused 2 of them.");
  });

  it('names the request that caused most by request', () => {
    const [first] = textOf(splitsIn(HISTORY, OWNERS), { by: 'request' }).split('\n');
    expect(first).toContain("request #2 of 'netvsc' caused 2 of them");
  });

  it('says of a single split whose it is, and of the boot that nobody asked', () => {
    expect(textOf(many(1, () => 'nvme'))).toMatch(/^1 2M split; 'nvme' caused it\.\n/);
    expect(textOf(splitsIn(HISTORY.slice(0, 1), []))).toMatch(
      /^1 1G split; the policy caused it at boot\.\n/,
    );
  });

  it('shows 20 rows and says how many more there are, unless all are asked for', () => {
    const found = many(23, (owner) => `owner ${owner}`);
    const rows = (text: string) => text.match(/^│ owner \d+/gm)?.length;
    expect(rows(textOf(found))).toBe(20);
    expect(textOf(found)).toContain('and 3 more owners: --all prints them\n');
    expect(rows(textOf(found, { isAll: true }))).toBe(23);
    expect(textOf(found, { isAll: true })).not.toContain('more');
  });

  it.each(['owner', 'request', 'block'] as const)('fits 80 columns by %s, with all of a long name', (by) => {
    const long = 'drivers/net/ethernet/intel/iavf/iavf_txrx.c:iavf_alloc_rx_buffers of eth';
    const table = textOf(
      many(3, (owner) => `${long}${owner}`),
      { by, columns: 80 },
    )
      .split('\n')
      .slice(1, -2);
    expect(Math.max(...table.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const letters = table
      .map((line) => line.split('│').at(by === 'block' ? -3 : by === 'owner' ? 1 : 5) ?? '')
      .join('')
      .replaceAll(/\s/g, '');
    expect(letters).toContain(`${long}2`.replaceAll(' ', ''));
  });

  it('shows escape sequences in a name, and in the path of the log, harmlessly', () => {
    const found = many(1, () => 'evil \u001b[31m');
    for (const by of ['owner', 'request', 'block'] as const) {
      const text = textOf(found, { by, path: 'a b\u001b[31m.arrow' });
      expect(text).not.toContain('\u001b');
      expect(text).toContain('evil \\u001b[31m');
      expect(text).toContain("decpool explain 'a b\\u001b[31m.arrow' --split 1\n");
    }
  });

  it('says in one sentence that nothing was split', () => {
    expect(textOf(splitsIn([], []))).toBe('No entry of the direct map was split.\n');
  });
});

describe('the text of splits of contiguous runs', () => {
  const found = splitsIn(CONTIGUOUS_HISTORY, ['realm']);

  it('a table has columns for them only here', () => {
    expect(textOf(found)).toMatch(/│ +32M │ +64K │|32M splits │/);
    expect(textOf(splitsIn(HISTORY, OWNERS))).not.toContain('32M');
  });

  it('the next command asks for the block if the log has nothing that explain --split takes', () => {
    const [first] = found.splits;
    expect(textOf({ ...found, splits: [first] })).toMatch(/decpool explain run\.arrow --block 16\n$/);
    expect(textOf(found)).toMatch(/decpool explain run\.arrow --split 2\n$/);
  });
});

/** What distinguishes two logs, as text. */
import type { PoolEvent } from '@decpool/model';
import { LEVELS } from '@decpool/model/internal';
import { printable } from '../text/printable.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import { formatChange, formatValue } from '../text/units.ts';
import type { BlockDifference, LogDiff } from './diff.ts';

const LISTED_BLOCKS = 20;
/** Longer facts of a header are only said to differ. */
const MAX_FACT_LENGTH = 60;

export function diffText(diff: LogDiff, [left, right]: readonly [string, string]): string {
  return [
    `a            ${printable(left)}: ${diff.events[0]} events\n`,
    `b            ${printable(right)}: ${diff.events[1]} events\n`,
    ...diff.headers.map(([name, a, b]) => {
      const isShort = a.length <= MAX_FACT_LENGTH && b.length <= MAX_FACT_LENGTH;
      return `${name.padEnd(12)} ${isShort ? `a ${printable(a)}, b ${printable(b)}` : 'differs'}\n`;
    }),
    divergenceText(diff),
    metricsText(diff),
    blocksText(diff.blocks),
  ].join('');
}

function divergenceText({ divergence, before }: LogDiff): string {
  if (divergence === undefined) return 'events       all the same\n';
  const { seq, left, right } = divergence;
  return `events       the first ${seq} are the same; then:\n${partingLines(before, ['a', left], ['b', right])}`;
}

function metricsText({ metrics }: LogDiff): string {
  const differing = metrics.filter(([a, b]) => a.value !== b.value);
  if (differing.length === 0) return 'metrics      all the same\n';
  const heads = [textColumn('metric'), ...['a', 'b', 'change'].map(numberColumn)];
  const rows = differing.map(([a, b]) => {
    const change = a.value === 0 ? '' : formatChange(((b.value - a.value) / a.value) * 100);
    return [a.label, formatValue(a.value, a.unit), formatValue(b.value, b.unit), change];
  });
  const same = metrics.length - differing.length;
  return `${plainTable(heads, rows)}\n${same === 0 ? '' : `${same} other metrics are the same\n`}`;
}

function blocksText(blocks: readonly BlockDifference[] | undefined): string {
  if (blocks === undefined) return 'blocks       not compared: the guests have memory of different sizes\n';
  if (blocks.length === 0) return 'blocks       all end up the same\n';
  const facts = ['claimed', 'shared', 'allocated', 'unknown', 'leaked'] as const;
  const heads = [numberColumn('block'), textColumn('mapped by'), ...facts.map(numberColumn)];
  const cell = (a: string | number, b: string | number) => (a === b ? a : `${a} | ${b}`);
  const rows = blocks
    .slice(0, LISTED_BLOCKS)
    .map(({ block, left, right }) => [
      block,
      cell(LEVELS[left.level], LEVELS[right.level]),
      ...facts.map((fact) => cell(left[fact], right[fact])),
    ]);
  const more = blocks.length > LISTED_BLOCKS ? `${blocks.length - LISTED_BLOCKS} more blocks differ\n` : '';
  return `${blocks.length} blocks end up otherwise, in pages, a | b:\n${plainTable(heads, rows)}\n${more}`;
}

/** The last events that two logs share, then the first event that differs, of each log behind a sign. */
export function partingLines(
  before: readonly PoolEvent[],
  [sign, event]: readonly [sign: string, event: PoolEvent | undefined],
  [otherSign, other]: readonly [sign: string, event: PoolEvent | undefined],
): string {
  const line = (mark: string, shown: PoolEvent | undefined) => {
    if (shown === undefined) return `  ${mark} (no further event)\n`;
    const { seq, time, request, type, ...fields } = shown;
    const text = `${seq} at ${time} ns, request ${request}: ${type} ${JSON.stringify(fields)}`;
    return `  ${mark} ${printable(text)}\n`;
  };
  return [...before.map((both) => line(' ', both)), line(sign, event), line(otherSign, other)].join('');
}

import { LEVELS } from '@decpool/model';
import Table from 'cli-table3';
import type { Command } from 'commander';
import type { BlockDifference, LogDiff } from '../../rerun/diff.ts';
import { printable } from '../../text/printable.ts';
import { formatChange, formatValue } from '../../text/units.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { partingLines } from '../event-line.ts';
import { eventsRead, withLog } from '../reading.ts';

export function addDiff(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('diff')
    .summary('compare two logs: where they part, what they come to, which blocks differ')
    .description(
      'Prints the first event that two logs do not share, their metrics side by side, and the blocks that end up otherwise. Exit code 1 when they differ.',
    )
    .argument('<a>', 'an event log: NDJSON or Arrow, gzipped or not')
    .argument('<b>', 'another')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool diff gfp-decrypted.arrow what-if.arrow\n\nSEE ALSO\n  decpool fork, decpool skip; docs/replay.md',
    )
    .action(async (a: string, b: string, { json }: { readonly json?: boolean }) => {
      const diff = await diffOf(a, b, output);
      output.write(json === true ? `${JSON.stringify(diff, undefined, 2)}\n` : diffText(diff, [a, b]));
      exit(diff.divergence === undefined && diff.headers.length === 0 ? 0 : 1);
    });
}

export async function diffOf(a: string, b: string, output: Output): Promise<LogDiff> {
  const { diffLogs } = await import('../../rerun/diff.ts');
  // They are read in step: how far the first one is tells of both.
  return withLog(a, (left) => withLog(b, (right) => diffLogs(left, right)), eventsRead('diff', output));
}

/** Blocks that are listed; how many more there are is told. */
const MOST_BLOCKS = 20;
/** Facts of a header that are longer than a line are told as different only. */
const MOST_FACT = 60;

export function diffText(diff: LogDiff, [left, right]: readonly [string, string]): string {
  return [
    `a            ${printable(left)}: ${diff.events[0]} events\n`,
    `b            ${printable(right)}: ${diff.events[1]} events\n`,
    ...diff.headers.map(([name, a, b]) => factText(name, a, b)),
    divergenceText(diff),
    metricsText(diff),
    blocksText(diff.blocks),
  ].join('');
}

function factText(name: string, a: string, b: string): string {
  const isShort = a.length <= MOST_FACT && b.length <= MOST_FACT;
  return `${name.padEnd(12)} ${isShort ? `a ${printable(a)}, b ${printable(b)}` : 'differs'}\n`;
}

function divergenceText({ divergence, before }: LogDiff): string {
  if (divergence === undefined) return 'events       all the same\n';
  const { seq, left, right } = divergence;
  return `events       the first ${seq} are the same; then:\n${partingLines(before, ['a', left], ['b', right])}`;
}

function metricsText({ metrics }: LogDiff): string {
  const differing = metrics.filter(([a, b]) => a.value !== b.value);
  if (differing.length === 0) return 'metrics      all the same\n';
  const table = new Table({
    head: ['metric', 'a', 'b', 'change'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right'],
  });
  for (const [a, b] of differing) {
    const change =
      b.value === a.value || a.value === 0 ? '' : formatChange(((b.value - a.value) / a.value) * 100);
    table.push([a.label, formatValue(a.value, a.unit), formatValue(b.value, b.unit), change]);
  }
  const same = metrics.length - differing.length;
  return `${table.toString()}\n${same === 0 ? '' : `${same} other metrics are the same\n`}`;
}

function blocksText(blocks: readonly BlockDifference[] | undefined): string {
  if (blocks === undefined) return 'blocks       not compared: the guests have memory of different sizes\n';
  if (blocks.length === 0) return 'blocks       all end up the same\n';
  const table = new Table({
    head: ['block', 'mapped by', 'claimed', 'shared', 'allocated', 'unknown', 'leaked'],
    style: { head: [], border: [], compact: true },
    colAligns: ['right', 'left', 'right', 'right', 'right', 'right', 'right'],
  });
  const cell = (a: string | number, b: string | number) => (a === b ? String(a) : `${a} | ${b}`);
  for (const { block, left, right } of blocks.slice(0, MOST_BLOCKS)) {
    table.push([
      String(block),
      cell(LEVELS[left.level], LEVELS[right.level]),
      ...(['claimed', 'shared', 'allocated', 'unknown', 'leaked'] as const).map((fact) =>
        cell(left[fact], right[fact]),
      ),
    ]);
  }
  const more = blocks.length > MOST_BLOCKS ? `${blocks.length - MOST_BLOCKS} more blocks differ\n` : '';
  return `${blocks.length} blocks end up otherwise, in pages, a | b:\n${table.toString()}\n${more}`;
}

import Table from 'cli-table3';
import { formatValue } from '../text/units.ts';
import { WORKLOADS } from '../workloads/registry.ts';
import { durationOf, PAGE_SIZE } from '../workloads/workload.ts';
import type { Output } from './command-context.ts';

/** Widths of the columns that wrap, in characters, with margins. */
const NAME_WIDTH = 24;
const DESCRIPTION_WIDTH = 44;

/** `decpool workloads`: every generated workload with its default settings and seed 1. Returns the exit code, 0. */
export function workloadsCommand(output: Output): number {
  const table = new Table({
    head: ['workload', 'models', 'requests', 'peak live', 'duration'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    colWidths: [NAME_WIDTH, DESCRIPTION_WIDTH],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { name, description, generate } of WORKLOADS) {
    const workload = generate();
    table.push([
      name,
      description,
      formatValue(workload.requests.length, 'count'),
      `${formatValue(workload.peakLivePages, 'pages')} pages\n${formatValue(workload.peakLivePages * PAGE_SIZE, 'bytes')}`,
      formatDuration(durationOf(workload)),
    ]);
  }
  output.write(`${table.toString()}\n`);
  return 0;
}

/** The largest unit that gives at least 1 is used. */
const DURATION_UNITS: readonly (readonly [suffix: string, ns: number])[] = [
  ['h', 3_600_000_000_000],
  ['min', 60_000_000_000],
  ['s', 1_000_000_000],
  ['ms', 1_000_000],
  ['us', 1_000],
];

/** Simulated time as text: `24 h`, `46.6 s`, `20 ms`. */
export function formatDuration(ns: number): string {
  const [suffix, unit] = DURATION_UNITS.find(([, least]) => ns >= least) ?? ['ns', 1];
  return `${formatValue(ns / unit, 'count')} ${suffix}`;
}

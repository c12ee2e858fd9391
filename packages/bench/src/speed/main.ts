/**
 * The tool's own speed, measured in this run. Ratios count; the absolute figures are this machine's. Arguments: the parts to
 * measure (default: peer and fold), and a number: the requests of the longest run in `growth`, the lines in `readers`.
 */
import { unknownName } from '@decpool/model/internal';
import { compile } from './compiled.ts';
import { growthTable } from './growth.ts';
import { peerTable } from './peer.ts';
import type { TablePart } from './tables-run.ts';

/** Events of the log that is read and sought. */
const LOG_EVENTS = 10_000_000;

const PARTS: Readonly<Record<string, (most?: number) => Promise<string>>> = {
  peer: peerTable,
  fold: () => tables('fold'),
  requests: () => tables('requests'),
  claims: () => tables('claims'),
  growth: growthTable,
  readers: async (most) => (await import('./readers.ts')).readerTable(most),
  logs: async () => (await import('./logs.ts')).logTables(LOG_EVENTS),
  sweeps: async () => (await import('./sweeps.ts')).sweepTable(),
  page: async () => (await import('./page.ts')).pageTable(),
};

async function tables(part: TablePart): Promise<string> {
  const program = await compile('tables-run');
  try {
    return (program.printed(part) as readonly string[]).join('\n\n');
  } finally {
    program.remove();
  }
}

const isNumber = (argument: string) => /^[1-9]\d*$/.test(argument);
const given = process.argv.slice(2);
const numbers = given.filter(isNumber).map(Number);
const named = given.filter((argument) => !isNumber(argument));
const parts = Object.keys(PARTS);
const unknown = named.find((part) => !parts.includes(part));
if (unknown !== undefined) {
  console.error(unknownName({ kind: 'part', given: unknown, known: parts }).message);
  process.exitCode = 2;
} else {
  for (const part of named.length === 0 ? ['peer', 'fold'] : parts.filter((each) => named.includes(each)))
    console.log(`${await PARTS[part](numbers.at(-1))}\n`);
}

/**
 * The tool's own speed, measured in this run. Ratios count; the absolute figures are this machine's. Arguments: the parts to
 * measure (default: peer and fold), and a number: the requests of the longest run in `growth`, the lines in `readers`.
 */
import { unknownName } from '@decpool/model/internal';
import { claimTable } from './claims.ts';
import { foldTable, GUESTS } from './fold-table.ts';
import { growthTable } from './growth.ts';
import { peerTable } from './peer.ts';
import { policyTable } from './policy-speed.ts';

/** Events of the log that is read and sought. */
const LOG_EVENTS = 10_000_000;

type Tables = readonly ((most?: number) => string | Promise<string>)[];

const PARTS: Readonly<Record<string, Tables>> = {
  peer: [peerTable],
  fold: GUESTS.map((guest) => () => foldTable(guest)),
  requests: [policyTable],
  claims: [claimTable],
  growth: [growthTable],
  readers: [async (most) => (await import('./readers.ts')).readerTable(most)],
  logs: [async () => (await import('./logs.ts')).logTables(LOG_EVENTS)],
  sweeps: [async () => (await import('./sweeps.ts')).sweepTable()],
  page: [async () => (await import('./page.ts')).pageTable()],
};

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
  for (const part of named.length === 0 ? ['peer', 'fold'] : parts.filter((each) => named.includes(each))) {
    for (const table of PARTS[part]) console.log(`${await table(numbers.at(-1))}\n`);
  }
}

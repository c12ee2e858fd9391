/** Rows of a `blocksupply.csv`: what a kernel gave to requests for whole blocks, and what it did for them. */
import { basename, join, resolve } from 'node:path';
import { InputError } from '@decpool/model';
import { readText } from '../../files/read-text.ts';
import { type Kernel, kernelOf } from '../kernel.ts';

/** What a run of requests gave and cost. */
export interface Supply {
  /** Requests that got a chunk. */
  readonly got: number;
  /** Pages reclaimed by kswapd, and by requests that waited. */
  readonly byKswapd: number;
  readonly directly: number;
  /** Pages moved by compaction. */
  readonly migrated: number;
  /** Times that a request waited for reclaim or compaction. */
  readonly stalls: number;
}

export interface SupplyRow {
  /** `fresh`, `cache`, `churn`, `frag`, `cachefrag`. */
  readonly state: string;
  /** `kernel` GFP_KERNEL, `noretry` the same with __GFP_NORETRY, `thp` GFP_TRANSHUGE_LIGHT. */
  readonly flags: string;
  readonly order: number;
  readonly wanted: number;
  readonly kernel: Supply;
}

/** Throws InputError with file and line. */
export function readSupplyRows(path: string): SupplyRow[] {
  const [head = '', ...lines] = readText(path).trimEnd().split('\n');
  const columns = head.split(',');
  return lines.map((text, index) => {
    const cells = text.split(',');
    const cellOf = (column: string): string => {
      const cell = cells[columns.indexOf(column)];
      if (cell !== undefined) return cell;
      throw new InputError(`${path}:${index + 2}: no value of '${column}'; the columns are ${head}`);
    };
    const numberOf = (column: string): number => {
      const value = Number(cellOf(column));
      if (Number.isInteger(value) && value >= 0) return value;
      throw new InputError(
        `${path}:${index + 2}: ${column} is '${cellOf(column)}'; expected a whole number from 0 on`,
      );
    };
    const stalls = ['allocstall_dma32', 'allocstall_normal', 'allocstall_movable', 'compact_stall'];
    return {
      state: cellOf('state'),
      flags: cellOf('flags'),
      order: numberOf('order'),
      wanted: numberOf('wanted'),
      kernel: {
        got: numberOf('got'),
        byKswapd: numberOf('pgsteal_kswapd'),
        directly: numberOf('pgsteal_direct'),
        migrated: numberOf('pgmigrate_success'),
        stalls: stalls.reduce((sum, column) => sum + numberOf(column), 0),
      },
    };
  });
}

/** The kernel of a folder, from a meta.json in it, or from its own name: `k612` is 6.12. Throws InputError. */
export function kernelOfFolder(folder: string): Kernel {
  const named = kernelOf(join(folder, 'blocksupply.csv'));
  if (named !== undefined) return named;
  const match = /^k(\d)(\d+)$/.exec(basename(resolve(folder)));
  if (match === null) {
    throw new InputError(
      `${folder}: which kernel is it? Expected a meta.json in it with {"kernel": "6.1.192"}, or a name such as k61`,
    );
  }
  return { version: `${match[1]}.${match[2]}`, major: Number(match[1]), minor: Number(match[2]) };
}

/**
 * Recordings of real kernels: CSV files with a row per operation and the kernel's counters after it, and comment lines with
 * page-table walks.
 */

import type { MappingLevel } from '@decpool/model';
import { InputError } from '@decpool/model';
import type { ChangeResult } from '@decpool/model/internal';
import { readText } from '../files/read-text.ts';
import { METHODS, type Method } from './attributes.ts';
import { type Kernel, kernelOf, unknownKernel } from './kernel.ts';

/**
 * What an operation does to the direct map.
 * - `range`: one call on pfn and npages.
 * - `area`: one call on a vmalloc area, which reaches the direct map page by page. pfn is only its first page.
 * - `area-page`: one page of a vmalloc area through its direct-map address.
 * - `area-sum`: ends the `area-page` rows of an area. It stands for the pages for which the probe wrote no row, too.
 * - `none`: converts nothing.
 */
export type Operation =
  | { readonly scope: 'none' }
  | { readonly scope: 'range' | 'area' | 'area-page' | 'area-sum'; readonly set: boolean };

const OPERATIONS = new Map<string, Operation>(
  (
    [
      ['x c C vb rawset swiotlb', { scope: 'range', set: true }],
      ['y r R vbf rawclr', { scope: 'range', set: false }],
      ['vd', { scope: 'area', set: true }],
      ['ve', { scope: 'area', set: false }],
      ['vc', { scope: 'area-page', set: true }],
      ['vr', { scope: 'area-page', set: false }],
      ['vc_done', { scope: 'area-sum', set: true }],
      ['vr_done', { scope: 'area-sum', set: false }],
      ['alloc contig free enomem mark cc vmalloc', { scope: 'none' }],
    ] as const
  ).flatMap(([ops, operation]) => ops.split(' ').map((op) => [op, operation] as const)),
);

const COLUMNS =
  'seq,op,id,method,pfn,npages,rc,level_before,level_after,l2_split_delta,l3_split_delta,l2_collapse_delta,' +
  'l3_collapse_delta,l2_splits,l3_splits,l2_collapses,l3_collapses,dm4k_kB,dm2M_kB,dm1G_kB,ns';
/** The counters of splits and collapses, with their columns: the change by the call, and the value since boot. */
export const COUNTERS = [
  { name: 'splits2M', delta: 'l2_split_delta', total: 'l2_splits' },
  { name: 'splits1G', delta: 'l3_split_delta', total: 'l3_splits' },
  { name: 'collapses2M', delta: 'l2_collapse_delta', total: 'l2_collapses' },
  { name: 'collapses1G', delta: 'l3_collapse_delta', total: 'l3_collapses' },
] as const;

export const countersOf = (value: (counter: (typeof COUNTERS)[number]) => number): ChangeResult =>
  Object.fromEntries(COUNTERS.map((counter) => [counter.name, value(counter)])) as unknown as ChangeResult;

const MAP_COLUMNS = '#map,label,start_pfn,npages,level,flags';
const AREA_COLUMNS = '#vrun,id,page_index,pfn,npages';

export interface RecordedRow {
  readonly kind: 'row';
  readonly line: number;
  /** The name in the file: `x`, `vd`, `mark`. */
  readonly op: string;
  readonly operation: Operation;
  /** An allocation, an area, or the label of a `mark`. */
  readonly id: string;
  /** Absent in rows that convert nothing, and in those of an `area-sum`. */
  readonly method: Method | undefined;
  readonly pfn: number;
  readonly pages: number;
  /** 0, or a negative errno: then the call changed nothing. */
  readonly rc: number;
  /** Mapping level of the first page. */
  readonly levelBefore: MappingLevel;
  readonly levelAfter: MappingLevel;
  /** What this call added to the direct_map_level* counters of /proc/vmstat. */
  readonly delta: ChangeResult;
  /** The same counters since boot. */
  readonly total: ChangeResult;
  /** DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo after the call, in kB. */
  readonly directMapKb: readonly [level4K: number, level2M: number, level1G: number];
}

/** One run of a page-table walk; whole blocks. */
export interface RecordedRun {
  readonly line: number;
  readonly pfn: number;
  readonly pages: number;
  readonly level: MappingLevel;
  /** Bits of the page-table entries, without accessed and dirty; recorded for 2M and 1G entries only. */
  readonly flags: bigint;
}

/** A walk of the whole direct map, from pfn 0 without gaps. */
export interface MapPoint {
  readonly kind: 'map';
  readonly line: number;
  readonly label: string;
  readonly runs: readonly RecordedRun[];
}

/** Physical pages of a vmalloc area, in the order of its addresses. */
export interface AreaRun {
  readonly kind: 'area-run';
  readonly line: number;
  readonly area: string;
  /** Pages of the area before this run; 0 begins the area. */
  readonly pageIndex: number;
  readonly pfn: number;
  readonly pages: number;
}

export interface Recording {
  readonly file: string;
  readonly kernel: Kernel;
  /** In the order of the file. */
  readonly entries: readonly RecordedEntry[];
}

type RecordedEntry = RecordedRow | MapPoint | AreaRun;

/** The first walk of the direct map. Throws InputError if there is none. */
export function startOf({ file, entries }: Recording): MapPoint {
  const start = entries.find((entry) => entry.kind === 'map');
  if (start !== undefined && start.runs.length > 0) return start;
  throw new InputError(
    `${file}: no #map to start from; expected a walk of the direct map before all conversions`,
  );
}

/**
 * Reads a recording (`.csv`, or gzip of one) and the meta.json beside it. Throws InputError if the recording is missing, or one
 * is malformed.
 */
export const readRecording = (path: string): Recording =>
  parseRecording(readText(path), path, kernelOf(path));

/** `file` is only for errors; `kernel` is undefined if nothing names it. Throws InputError `FILE:LINE: what it is; expected what it should be`. */
export function parseRecording(text: string, file: string, kernel: Kernel | undefined): Recording {
  const entries: RecordedEntry[] = [];
  /** The walk whose lines are being read; undefined outside of one. */
  let walk: { readonly label: string; readonly runs: RecordedRun[] } | undefined;

  text.split('\n').forEach((content, index) => {
    const line = new Line(file, index + 1, content.replace(/\r$/, ''));
    if (index === 0) {
      if (content.trimEnd() !== COLUMNS) line.fail(`the header is '${content}'`, COLUMNS);
      return;
    }
    const kind = line.fields[0];
    if (kind === '#map') {
      const { text } = line.columns(MAP_COLUMNS);
      const label = text('label');
      if (text('start_pfn') === 'start_pfn') {
        walk = { label, runs: [] };
        entries.push({ kind: 'map', line: line.number, ...walk });
      } else if (walk?.label !== label) {
        line.fail(`a run of map '${label}' without its heading`, MAP_COLUMNS);
      } else {
        walk.runs.push(parseRun(line, walk.runs.at(-1)));
      }
      return;
    }
    walk = undefined;
    if (content === '') return;
    if (kind === '#vrun') entries.push(parseAreaRun(line));
    else if (!kind.startsWith('#')) entries.push(parseRow(line));
    // #bad is a command that the probe rejected, #frag counts allocations that fragment memory. Neither converts.
    else if (kind !== '#bad' && kind !== '#frag') {
      line.fail(`unknown comment '${kind}'`, '#map, #vrun, #frag or #bad');
    }
  });
  const countsCollapses = entries.some(
    (entry) => entry.kind === 'row' && entry.total.collapses2M + entry.total.collapses1G > 0,
  );
  return { file, kernel: kernel ?? unknownKernel(countsCollapses), entries };
}

/** More page frames than any geometry has. */
const PFN_LIMIT = 2 ** 28;

function parseRun(line: Line, previous: RecordedRun | undefined): RecordedRun {
  const { text, count, level } = line.columns(MAP_COLUMNS);
  const run = {
    line: line.number,
    pfn: count('start_pfn'),
    pages: count('npages'),
    level: level('level'),
    flags: BigInt(text('flags', /^0x[0-9a-f]{1,16}$/i, 'hexadecimal, such as 0x183')),
  };
  const start = previous === undefined ? 0 : previous.pfn + previous.pages;
  if (run.pfn !== start) line.fail(`start_pfn is ${run.pfn}`, `${start}, where the run before it ends`);
  const unit = run.level === 3 ? 512 * 512 : 512;
  if (run.pages === 0 || run.pages % unit !== 0 || run.pfn % unit !== 0) {
    line.fail(`${run.pages} pages from ${run.pfn} at level ${run.level}`, `whole entries of ${unit} pages`);
  }
  if (run.pfn + run.pages > PFN_LIMIT)
    line.fail(`the map ends at ${run.pfn + run.pages}`, `at most ${PFN_LIMIT}`);
  return run;
}

function parseAreaRun(line: Line): AreaRun {
  const { text, count } = line.columns(AREA_COLUMNS);
  return {
    kind: 'area-run',
    line: line.number,
    area: text('id'),
    pageIndex: count('page_index'),
    pfn: count('pfn'),
    pages: count('npages'),
  };
}

function parseRow(line: Line): RecordedRow {
  const { text, count, level } = line.columns(COLUMNS);
  const op = text('op');
  const operation = OPERATIONS.get(op);
  if (operation === undefined) {
    return line.fail(`unknown op '${op}'`, `one of ${[...OPERATIONS.keys()].join(', ')}`);
  }
  const method = METHODS.find((known) => known === text('method'));
  const mayLack = operation.scope === 'none' || operation.scope === 'area-sum';
  if (method === undefined && (text('method') !== '-' || !mayLack)) {
    line.fail(`op '${op}' with method '${text('method')}'`, `${METHODS.join(', ')}${mayLack ? ' or -' : ''}`);
  }
  count('seq');
  count('ns');
  return {
    kind: 'row',
    line: line.number,
    op,
    operation,
    id: text('id'),
    method,
    pfn: count('pfn'),
    pages: count('npages'),
    rc: Number(text('rc', /^(0|-\d{1,4})$/, '0 or a negative errno')),
    levelBefore: level('level_before'),
    levelAfter: level('level_after'),
    delta: countersOf(({ delta }) => count(delta)),
    total: countersOf(({ total }) => count(total)),
    directMapKb: [count('dm4k_kB'), count('dm2M_kB'), count('dm1G_kB')],
  };
}

/** A line of comma-separated fields. */
class Line {
  readonly fields: readonly string[];

  constructor(
    readonly file: string,
    readonly number: number,
    content: string,
  ) {
    this.fields = content.split(',');
  }

  fail(found: string, expected: string): never {
    throw new InputError(`${this.file}:${this.number}: ${found}; expected ${expected}`);
  }

  /** Readers of the fields by their column. Throws InputError if the line has more or fewer fields than columns. */
  columns(columns: string) {
    const names = columns.split(',');
    if (this.fields.length !== names.length) {
      this.fail(`${this.fields.length} fields`, `${names.length}: ${columns}`);
    }
    const text = (column: string, pattern = /^/, expected = ''): string => {
      const field = this.fields[names.indexOf(column)];
      if (!pattern.test(field)) this.fail(`${column} is '${field}'`, expected);
      return field;
    };
    return {
      text,
      count: (column: string): number => Number(text(column, /^\d{1,15}$/, 'a whole number, 0 or more')),
      level: (column: string) =>
        Number(text(column, /^[0-3]$/, '0 (hole), 1 (4K), 2 (2M) or 3 (1G)')) as MappingLevel,
    };
  }
}

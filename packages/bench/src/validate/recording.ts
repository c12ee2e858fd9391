/**
 * Recordings of real kernels: CSV files in which a probe module wrote one row per operation, with what the
 * kernel's counters said after it, and comment lines with page-table walks.
 */
import { type ChangeResult, InputError, type MappingLevel } from '@decpool/model';
import { METHODS, type Method } from './attributes.ts';
import { type Kernel, kernelOf } from './kernel.ts';
import { readText } from './read-text.ts';

/**
 * What an operation does to the direct map.
 * - `range`: one call on pfn and npages.
 * - `area`: one call on a vmalloc area, which reaches the direct map page by page; pfn is only its first page.
 * - `area-page`: one page of a vmalloc area through its direct-map address.
 * - `area-sum`: closes the `area-page` rows of an area, also those that the probe was told not to write.
 * - `none`: converts nothing.
 */
export type Operation =
  | { readonly scope: 'none' }
  | { readonly scope: 'range' | 'area' | 'area-page' | 'area-sum'; readonly set: boolean };

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...['x', 'c', 'C', 'vb', 'rawset', 'swiotlb'].map((op) => [op, { scope: 'range', set: true }] as const),
  ...['y', 'r', 'R', 'vbf', 'rawclr'].map((op) => [op, { scope: 'range', set: false }] as const),
  ['vd', { scope: 'area', set: true }],
  ['ve', { scope: 'area', set: false }],
  ['vc', { scope: 'area-page', set: true }],
  ['vr', { scope: 'area-page', set: false }],
  ['vc_done', { scope: 'area-sum', set: true }],
  ['vr_done', { scope: 'area-sum', set: false }],
  ...['alloc', 'contig', 'free', 'enomem', 'mark', 'cc', 'vmalloc'].map(
    (op) => [op, { scope: 'none' }] as const,
  ),
]);

const COLUMNS =
  'seq,op,id,method,pfn,npages,rc,level_before,level_after,l2_split_delta,l3_split_delta,l2_collapse_delta,' +
  'l3_collapse_delta,l2_splits,l3_splits,l2_collapses,l3_collapses,dm4k_kB,dm2M_kB,dm1G_kB,ns';
const COLUMN_NAMES = COLUMNS.split(',');

export interface RecordedRow {
  readonly kind: 'row';
  readonly line: number;
  /** The name in the file: `x`, `vd`, `mark`. */
  readonly op: string;
  readonly operation: Operation;
  /** An allocation, an area, or the label of a `mark`. */
  readonly id: string;
  /** Absent in rows that convert nothing. */
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
  readonly entries: readonly (RecordedRow | MapPoint | AreaRun)[];
}

/** Reads a recording (`.csv`, or gzip of one) and the meta.json beside it. Throws InputError for whatever is not as it should be. */
export function readRecording(path: string): Recording {
  const text = readText(path);
  return parseRecording(text, path, kernelOf(path));
}

/** `file` is only named in errors. Throws InputError `FILE:LINE: what is wrong; expected what is right`. */
export function parseRecording(text: string, file: string, kernel: Kernel): Recording {
  const entries: (RecordedRow | MapPoint | AreaRun)[] = [];
  /** The walk whose lines are being read; null outside of one. */
  let runs: RecordedRun[] | null = null;
  let label = '';

  text.split('\n').forEach((content, index) => {
    const fields = new Fields(file, index + 1, content.replace(/\r$/, '').split(','));
    const first = fields.text(0);
    if (index === 0) {
      if (content.trimEnd() !== COLUMNS) fields.fail(`the header is '${content}'`, COLUMNS);
      return;
    }
    if (first === '#map') {
      fields.expectCount('#map,label,start_pfn,npages,level,flags');
      if (fields.text(2) === 'start_pfn') {
        label = fields.text(1);
        runs = [];
        entries.push({ kind: 'map', line: fields.line, label, runs });
      } else if (runs === null || fields.text(1) !== label) {
        fields.fail(
          `a run of map '${fields.text(1)}' without its heading`,
          '#map,label,start_pfn,npages,level,flags',
        );
      } else {
        runs.push(parseRun(fields, runs.at(-1)));
      }
      return;
    }
    runs = null;
    if (content === '') return;
    if (first === '#vrun') entries.push(parseAreaRun(fields));
    else if (!first.startsWith('#')) entries.push(parseRow(fields));
    // #bad is a command that the probe rejected; #frag tells of allocations made on purpose. Neither converts.
    else if (first !== '#bad' && first !== '#frag') {
      fields.fail(`unknown comment '${first}'`, '#map, #vrun, #frag or #bad');
    }
  });
  return { file, kernel, entries };
}

/** More page frames than any geometry has. */
const PFN_LIMIT = 2 ** 28;

function parseRun(fields: Fields, previous: RecordedRun | undefined): RecordedRun {
  const run: RecordedRun = {
    line: fields.line,
    pfn: fields.count(2, 'start_pfn'),
    pages: fields.count(3, 'npages'),
    level: fields.level(4, 'level'),
    flags: fields.flags(5),
  };
  const start = previous === undefined ? 0 : previous.pfn + previous.pages;
  if (run.pfn !== start) fields.fail(`start_pfn is ${run.pfn}`, `${start}, where the run before it ends`);
  const unit = run.level === 3 ? 512 * 512 : 512;
  if (run.pages === 0 || run.pages % unit !== 0 || run.pfn % unit !== 0) {
    fields.fail(`${run.pages} pages from ${run.pfn} at level ${run.level}`, `whole entries of ${unit} pages`);
  }
  if (run.pfn + run.pages > PFN_LIMIT)
    fields.fail(`the map ends at ${run.pfn + run.pages}`, `at most ${PFN_LIMIT}`);
  return run;
}

function parseAreaRun(fields: Fields): AreaRun {
  fields.expectCount('#vrun,id,page_index,pfn,npages');
  return {
    kind: 'area-run',
    line: fields.line,
    area: fields.text(1),
    pageIndex: fields.count(2, 'page_index'),
    pfn: fields.count(3, 'pfn'),
    pages: fields.count(4, 'npages'),
  };
}

function parseRow(fields: Fields): RecordedRow {
  fields.expectCount(COLUMNS);
  const at = (column: string) => COLUMN_NAMES.indexOf(column);
  const count = (column: string) => fields.count(at(column), column);
  const level = (column: string) => fields.level(at(column), column);
  const op = fields.text(at('op'));
  const operation = OPERATIONS.get(op);
  if (operation === undefined) {
    return fields.fail(`unknown op '${op}'`, `one of ${[...OPERATIONS.keys()].join(', ')}`);
  }
  const written = fields.text(at('method'));
  const method = METHODS.find((known) => known === written);
  if (method === undefined && (written !== '-' || operation.scope !== 'none')) {
    fields.fail(
      `op '${op}' with method '${written}'`,
      `${METHODS.join(', ')}${operation.scope === 'none' ? ' or -' : ''}`,
    );
  }
  count('seq');
  count('ns');
  return {
    kind: 'row',
    line: fields.line,
    op,
    operation,
    id: fields.text(at('id')),
    method,
    pfn: count('pfn'),
    pages: count('npages'),
    rc: fields.returnCode(at('rc')),
    levelBefore: level('level_before'),
    levelAfter: level('level_after'),
    delta: {
      splits2M: count('l2_split_delta'),
      splits1G: count('l3_split_delta'),
      collapses2M: count('l2_collapse_delta'),
      collapses1G: count('l3_collapse_delta'),
    },
    total: {
      splits2M: count('l2_splits'),
      splits1G: count('l3_splits'),
      collapses2M: count('l2_collapses'),
      collapses1G: count('l3_collapses'),
    },
    directMapKb: [count('dm4k_kB'), count('dm2M_kB'), count('dm1G_kB')],
  };
}

/** The comma-separated fields of one line, with where it stands for the errors. */
class Fields {
  readonly line: number;
  readonly #file: string;
  readonly #fields: readonly string[];

  constructor(file: string, line: number, fields: readonly string[]) {
    this.#file = file;
    this.line = line;
    this.#fields = fields;
  }

  fail(wrong: string, expected: string): never {
    throw new InputError(`${this.#file}:${this.line}: ${wrong}; expected ${expected}`);
  }

  expectCount(columns: string): void {
    const expected = columns.split(',').length;
    if (this.#fields.length !== expected) {
      this.fail(`${this.#fields.length} fields`, `${expected}: ${columns}`);
    }
  }

  text(index: number): string {
    return this.#fields[index] ?? '';
  }

  count(index: number, column: string): number {
    const text = this.text(index);
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      this.fail(`${column} is '${text}'`, 'a whole number, 0 or more');
    }
    return value;
  }

  returnCode(index: number): number {
    const text = this.text(index);
    if (!/^(0|-\d{1,4})$/.test(text)) this.fail(`rc is '${text}'`, '0 or a negative errno');
    return Number(text);
  }

  level(index: number, column: string): MappingLevel {
    const text = this.text(index);
    if (!/^[0-3]$/.test(text)) this.fail(`${column} is '${text}'`, '0 (hole), 1 (4K), 2 (2M) or 3 (1G)');
    return Number(text) as MappingLevel;
  }

  flags(index: number): bigint {
    const text = this.text(index);
    if (!/^0x[0-9a-f]{1,16}$/i.test(text)) this.fail(`flags is '${text}'`, 'hexadecimal, such as 0x183');
    return BigInt(text);
  }
}

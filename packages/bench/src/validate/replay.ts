/**
 * Takes the model's direct map through a recording: applies each conversion, and compares the kernel's values after
 * each row with the model.
 *
 * Not compared, because the model has no such values:
 * - `ns` (wall time under emulation), `seq`, `id` and labels.
 * - Levels in rows that convert nothing (the probe writes 0) and in `vc_done` / `vr_done`, which stand for many pages. The probe
 *   writes their method as `-` and their changes as 0: then only the counters since boot are compared.
 * - Flags of 4K runs in `#map`, which the probe writes as 0: page tables of one block can differ. The model starts
 *   with plain 4K pages, which could matter only where set_memory_rox() changes them.
 * - Flags outside the four attributes that the methods change.
 * - DirectMap values as such: 2M and 1G start too high at boot, so differences between rows are compared.
 */
import { InputError, type Pfn, pfn, x86Geometry } from '@decpool/model';
import { type ChangeResult, DirectMap } from '@decpool/model/internal';
import { attributeNames, attributesOfFlags, changeBy, type Method } from './attributes.ts';
import { type DriverConversion, driverConversionsBeside } from './driver-conversions.ts';
import { isUnknown, type Kernel } from './kernel.ts';
import {
  type AreaRun,
  COUNTERS,
  countersOf,
  type MapPoint,
  type RecordedRow,
  type RecordedRun,
  type Recording,
  readRecording,
  startOf,
} from './recording.ts';

/** A value of the kernel that differs in the model. */
interface Mismatch {
  readonly line: number;
  /** The column, or the place in the map. */
  readonly what: string;
  readonly kernel: string;
  readonly model: string;
}

export type ValidationResult = Readonly<Replay['result']>;

/** Throws InputError if a file is missing or malformed, or if the recording converts pages that its first `#map` does not have. */
export const validateRecording = (path: string): ValidationResult =>
  validate(readRecording(path), driverConversionsBeside(path));

/** As validateRecording(), of a recording in memory. */
export function validate(recording: Recording, drivers: readonly DriverConversion[] = []): ValidationResult {
  const start = startOf(recording);
  const replay = new Replay(recording.file, recording.kernel, start.runs, drivers);
  for (const entry of recording.entries) {
    if (entry === start) continue;
    if (entry.kind === 'area-run') replay.areaRun(entry);
    else if (entry.kind === 'map') replay.mapPoint(entry);
    else if (entry.line < start.line) replay.rowBeforeStart(entry);
    else replay.row(entry);
  }
  return replay.result;
}

const NO_KERNEL =
  'no meta.json beside it, such as {"kernel": "6.1.192"}: whether set_memory_rox() collapses, as it does since 6.15, is taken from the counters';

const NOTHING = countersOf(() => 0);
const sum = (a: ChangeResult, b: ChangeResult): ChangeResult => countersOf(({ name }) => a[name] + b[name]);

/** Columns whose change since the row before is compared, in the order of Totals. */
const TOTAL_COLUMNS = [...COUNTERS.map(({ total }) => total), 'dm4k_kB', 'dm2M_kB', 'dm1G_kB'];

/** Values after a row: the counters since boot, then the sizes of the direct map in kB. */
interface Totals {
  readonly line: number;
  readonly kernel: readonly number[];
  readonly model: readonly number[];
}

/** The `#map` after the conversions of drivers. */
const AFTER_DRIVERS = 'after';

/** A vmalloc area that is being converted one row per page. */
interface OpenArea {
  /** Pages that have a row of their own. */
  readonly recorded: Set<number>;
  /** The page that failed: the probe went no further. */
  failed?: number;
  changes: ChangeResult;
}

class Replay {
  readonly result;
  readonly #kernel: Kernel;
  readonly #drivers: readonly DriverConversion[];
  readonly #map: DirectMap;
  readonly #mappedPages: number;
  /** Pages of each vmalloc area. */
  readonly #areas = new Map<string, number[]>();
  readonly #openAreas = new Map<string, OpenArea>();
  /** Of the last row that names one: rows that sum up an area may not. */
  #lastMethod: Method = 'dec';
  /** After the row before. */
  #previous: Totals | undefined;

  constructor(
    file: string,
    kernel: Kernel,
    start: readonly RecordedRun[],
    drivers: readonly DriverConversion[],
  ) {
    this.#kernel = kernel;
    this.#drivers = drivers;
    this.#mappedPages = start.reduce((sum, { pages }) => sum + pages, 0);
    this.#map = new DirectMap(
      x86Geometry(this.#mappedPages),
      start.map(({ pfn, pages, level, flags }) => [
        pfn,
        pages,
        level,
        level >= 2 ? attributesOfFlags(flags) : 0,
      ]),
    );
    this.result = {
      /** The path as the user gave it. */
      file,
      /** `6.1.192-2`. */
      kernel: kernel.version,
      warnings: isUnknown(kernel) ? [NO_KERNEL] : [],
      /** Rows after the first `#map`. */
      rows: 0,
      /** Successful calls of the probe. */
      conversions: 0,
      /** Calls of drivers, from the trace beside the recording. */
      driverConversions: 0,
      /** `#map` points compared; the first is the start and is not among them. */
      mapPoints: 0,
      /** Splits and collapses in the model since the start. */
      changes: NOTHING,
      comparisons: 0,
      mismatches: 0,
      /** The later ones are often only its consequence. */
      firstMismatch: undefined as Mismatch | undefined,
      /** The reasons are at the top of this file. */
      notCompared: {
        /** Rows before the first `#map`; none converts. */
        rowsBeforeStart: 0,
        /** `vc_done` and `vr_done` rows. */
        rowsWithoutLevels: 0,
        /** 4K runs of the map points compared. */
        runsWithoutFlags: 0,
      },
    };
  }

  areaRun({ line, area, pageIndex, pfn, pages }: AreaRun): void {
    // An id is used again after its area was freed: page 0 begins another area.
    const known = pageIndex === 0 ? [] : (this.#areas.get(area) ?? []);
    if (pageIndex !== known.length) {
      throw new InputError(
        `${this.result.file}:${line}: page_index is ${pageIndex}; expected 0 or ${known.length}, the next page of area ${area}`,
      );
    }
    for (let page = pfn; page < pfn + pages; page++) known.push(page);
    this.#areas.set(area, known);
  }

  /** The first row after the start is compared with the counters of the last row before it. */
  rowBeforeStart(row: RecordedRow): void {
    if (row.operation.scope !== 'none' && row.rc === 0) {
      throw new InputError(
        `${this.result.file}:${row.line}: '${row.op}' before the first #map; expected the map first`,
      );
    }
    this.result.notCompared.rowsBeforeStart++;
    this.#previous = this.#totalsAfter(row);
  }

  row(row: RecordedRow): void {
    this.result.rows++;
    const { scope } = row.operation;
    const hasLevels = scope === 'range' || scope === 'area' || scope === 'area-page';
    if (scope === 'area-sum') this.result.notCompared.rowsWithoutLevels++;
    if (hasLevels) this.#compareLevel(row, 'level_before', row.levelBefore);
    const changes = this.#apply(row);
    if (hasLevels) this.#compareLevel(row, 'level_after', row.levelAfter);
    const hasChanges = row.method !== undefined || COUNTERS.some(({ name }) => row.delta[name] !== 0);
    if (scope !== 'area-sum' || hasChanges) {
      for (const { name, delta } of COUNTERS) this.#compare(row.line, delta, row.delta[name], changes[name]);
    }
    this.#compareTotals(this.#totalsAfter(row));
  }

  /**
   * Compares a walk of the direct map, run by run. Before `#map,after` no row records the conversions of drivers: they come
   * from the trace beside the recording.
   */
  mapPoint(point: MapPoint): void {
    if (point.label === AFTER_DRIVERS) this.#applyDrivers();
    this.result.mapPoints++;
    for (const run of point.runs) {
      if (run.pfn + run.pages > this.#mappedPages) break;
      const place = `#map,${point.label}: pfn ${run.pfn} to ${run.pfn + run.pages - 1}`;
      this.#compareRun(run, `${place}: level`, run.level, (page) => this.#map.levelAt(page));
      if (run.level === 1) this.result.notCompared.runsWithoutFlags++;
      if (run.level < 2) continue;
      const attributes = attributeNames(attributesOfFlags(run.flags));
      this.#compareRun(run, `${place}: attributes`, attributes, (page) =>
        attributeNames(this.#map.attributesAt(page)),
      );
    }
    const last = point.runs.at(-1);
    const end = last === undefined ? 0 : last.pfn + last.pages;
    this.#compare(last?.line ?? point.line, `#map,${point.label}: end`, end, this.#mappedPages);
  }

  #compare(line: number, what: string, kernel: number | string, model: number | string): void {
    this.result.comparisons++;
    if (kernel === model) return;
    this.result.mismatches++;
    this.result.firstMismatch ??= { line, what, kernel: String(kernel), model: String(model) };
  }

  /**
   * Compares a run as one value. One page per block is enough: runs are whole blocks, and a 2M or 1G entry has one set of
   * attributes.
   */
  #compareRun(
    { line, pfn: start, pages }: RecordedRun,
    what: string,
    kernel: number | string,
    modelAt: (page: Pfn) => number | string,
  ): void {
    const end = start + pages;
    let page = start;
    while (page < end && modelAt(pfn(page)) === kernel) page += 512;
    const model = page < end ? `${modelAt(pfn(page))} at pfn ${page}` : kernel;
    this.#compare(line, what, kernel, model);
  }

  #compareLevel(row: RecordedRow, column: string, kernel: number): void {
    this.#checkRange(row.line, row.pfn, 1);
    this.#compare(row.line, column, kernel, this.#map.levelAt(pfn(row.pfn)));
  }

  /** Applies a row and returns the expected values of its `_delta` columns. */
  #apply(row: RecordedRow): ChangeResult {
    const { operation, op, rc, line, id } = row;
    if (op === 'vmalloc') this.#areas.delete(id);
    if (operation.scope === 'none') return NOTHING;
    const { scope, set } = operation;
    const { method = this.#lastMethod } = row;
    this.#lastMethod = method;
    const open = this.#openAreas.get(id) ?? { recorded: new Set(), changes: NOTHING };
    const ranges = rc === 0 ? this.#rangesOf(row, scope, open) : [];
    this.result.conversions += scope === 'area' && rc === 0 ? 1 : ranges.length;
    let changes = NOTHING;
    for (const [start, pages] of ranges) {
      changes = sum(changes, this.#change(line, start, pages, method, set));
    }
    if (scope === 'area-sum') {
      this.#openAreas.delete(id);
      return sum(open.changes, changes);
    }
    if (scope === 'area-page') {
      open.recorded.add(row.pfn);
      if (rc !== 0) open.failed = row.pfn;
      open.changes = sum(open.changes, changes);
      this.#openAreas.set(id, open);
    }
    return changes;
  }

  /** A vmalloc area is converted one 4 KiB entry at a time, even if its pages are contiguous. */
  #rangesOf(
    row: RecordedRow,
    scope: string,
    { recorded, failed }: OpenArea,
  ): (readonly [start: number, pages: number])[] {
    if (scope === 'range' || scope === 'area-page') return [[row.pfn, row.pages]];
    const pages = this.#areas.get(row.id);
    if (scope === 'area-sum') {
      // Pages that have no row split nothing, or the probe would have written one. Which they are, #vrun lines say.
      const end = pages === undefined || failed === undefined ? undefined : pages.indexOf(failed);
      return (pages ?? [])
        .slice(0, end)
        .filter((page) => !recorded.has(page))
        .map((page) => [page, 1]);
    }
    if (pages === undefined) {
      throw new InputError(
        `${this.result.file}:${row.line}: '${row.op}' on area ${row.id} without its pages; ` +
          `expected #vrun,${row.id} lines before it`,
      );
    }
    return pages.map((page) => [page, 1]);
  }

  #change(line: number, start: number, pages: number, method: Method, set: boolean): ChangeResult {
    this.#checkRange(line, start, pages);
    const changes = this.#map.change(pfn(start), pages, changeBy(method, set, this.#kernel));
    this.result.changes = sum(this.result.changes, changes);
    return changes;
  }

  #checkRange(line: number, start: number, pages: number, file = this.result.file): void {
    if (start + pages > this.#mappedPages) {
      throw new InputError(
        `${file}:${line}: pages ${start} to ${start + pages - 1}; expected pages below ${this.#mappedPages}, where the first #map ends`,
      );
    }
  }

  #applyDrivers(): void {
    for (const { file, line, set, pfn: start, pages } of this.#drivers.slice(this.result.driverConversions)) {
      this.#checkRange(line, start, pages, file);
      this.#change(line, start, pages, 'dec', set);
      this.result.driverConversions++;
    }
  }

  #totalsAfter(row: RecordedRow): Totals {
    const { changes } = this.result;
    const sizes = ([1, 2, 3] as const).map((level) => this.#map.pagesAt(level) * 4);
    return {
      line: row.line,
      kernel: [...COUNTERS.map(({ name }) => row.total[name]), ...row.directMapKb],
      model: [...COUNTERS.map(({ name }) => changes[name]), ...sizes],
    };
  }

  /** Compares the changes since the row before. They include what other tasks did in between. */
  #compareTotals({ line, kernel, model }: Totals): void {
    const previous = this.#previous;
    this.#previous = { line, kernel, model };
    if (previous === undefined) return;
    TOTAL_COLUMNS.forEach((column, index) => {
      const what = `${column} since line ${previous.line}`;
      this.#compare(line, what, kernel[index] - previous.kernel[index], model[index] - previous.model[index]);
    });
  }
}

/**
 * The model's direct map, taken through a recording: each conversion is applied, and after each row everything
 * that the kernel said is compared with what the model has.
 *
 * What is in a recording and is not compared, because the model has nothing to say on it:
 * - `ns` (wall time under emulation), `seq`, `id` and labels.
 * - Levels in rows that convert nothing (the probe writes 0) and in `vc_done` / `vr_done`, which stand for many pages.
 * - Flags of 4K runs in `#map`, which the probe writes as 0: page tables of one block can differ. The model takes
 *   pages mapped 4K from the start as plain, which could matter only where set_memory_rox() touches them.
 * - Flags outside the four attributes that the methods change.
 * - DirectMap values as such: 2M and 1G start too high at boot, so differences between rows are compared.
 */
import { type ChangeResult, DirectMap, InputError, type Pfn, pfn, x86Geometry } from '@decpool/model';
import { attributeNames, attributesOfFlags, changeBy, type Method } from './attributes.ts';
import { Comparison } from './comparison.ts';
import type { DriverConversion } from './driver-conversions.ts';
import type { AreaRun, MapPoint, RecordedRow, RecordedRun, Recording } from './recording.ts';

const NOTHING: ChangeResult = { splits2M: 0, splits1G: 0, collapses2M: 0, collapses1G: 0 };

const COUNTERS = [
  ['splits2M', 'l2_split_delta', 'l2_splits'],
  ['splits1G', 'l3_split_delta', 'l3_splits'],
  ['collapses2M', 'l2_collapse_delta', 'l2_collapses'],
  ['collapses1G', 'l3_collapse_delta', 'l3_collapses'],
] as const;

const DIRECT_MAP = [
  [1, 'dm4k_kB'],
  [2, 'dm2M_kB'],
  [3, 'dm1G_kB'],
] as const;

/** The `#map` before which the conversions of drivers belong. */
const AFTER_DRIVERS = 'after';

/** The pages of a vmalloc area that is being converted one row per page. */
interface OpenArea {
  /** Pages that have a row of their own. */
  readonly recorded: Set<number>;
  changes: ChangeResult;
}

export class Replay {
  readonly #recording: Recording;
  readonly #drivers: readonly DriverConversion[];
  readonly #map: DirectMap;
  readonly #spanPages: number;
  readonly #areas = new Map<string, number[]>();
  readonly #openAreas = new Map<string, OpenArea>();
  /** The row whose counters the next row's are compared with, and what the model had then. */
  #previous: { row: RecordedRow; changes: ChangeResult; pages: readonly number[] } | undefined;

  readonly comparison = new Comparison();
  /** Splits and collapses in the model since the start. */
  changes: ChangeResult = NOTHING;
  rows = 0;
  conversions = 0;
  driverConversions = 0;
  /** Map points compared. */
  mapPoints = 0;
  /** 4K runs of compared map points. */
  runsWithoutFlags = 0;
  /** `vc_done` and `vr_done` rows. */
  rowsWithoutLevels = 0;

  /** `lastRow` is the row before `start`, if there is one: its counters are what the first row's start from. */
  constructor(
    recording: Recording,
    start: MapPoint,
    drivers: readonly DriverConversion[],
    lastRow: RecordedRow | undefined,
  ) {
    const end = start.runs.at(-1);
    this.#recording = recording;
    this.#drivers = drivers;
    this.#spanPages = end === undefined ? 0 : end.pfn + end.pages;
    this.#map = new DirectMap(
      x86Geometry(this.#spanPages),
      start.runs.map(({ pfn, pages, level, flags }) => [
        pfn,
        pages,
        level,
        level >= 2 ? attributesOfFlags(flags) : 0,
      ]),
    );
    if (lastRow !== undefined) this.#remember(lastRow);
  }

  areaRun({ line, area, pageIndex, pfn, pages }: AreaRun): void {
    // An id is used again after its area was freed: page 0 begins another area.
    const known = pageIndex === 0 ? [] : (this.#areas.get(area) ?? []);
    if (pageIndex !== known.length) {
      throw new InputError(
        `${this.#recording.file}:${line}: page_index is ${pageIndex}; expected 0 or ${known.length}, the next page of area ${area}`,
      );
    }
    for (let page = pfn; page < pfn + pages; page++) known.push(page);
    this.#areas.set(area, known);
  }

  row(row: RecordedRow): void {
    this.rows++;
    const { scope } = row.operation;
    const hasLevels = scope === 'range' || scope === 'area' || scope === 'area-page';
    if (scope === 'area-sum') this.rowsWithoutLevels++;
    if (hasLevels) this.#level(row, 'level_before', row.levelBefore);
    const changes = this.#apply(row);
    if (hasLevels) this.#level(row, 'level_after', row.levelAfter);
    for (const [counter, delta] of COUNTERS) {
      this.comparison.equal(row.line, delta, row.delta[counter], changes[counter]);
    }
    this.#differences(row);
    this.#remember(row);
  }

  /**
   * Compares a walk of the whole direct map, run by run. When a trace of drivers' conversions lies beside the
   * recording, they come first: while devices were plugged, between the last row and `#map,after`, only drivers
   * converted pages, and no row tells of it.
   */
  map(point: MapPoint): void {
    if (point.label === AFTER_DRIVERS) this.#applyDrivers();
    this.mapPoints++;
    for (const run of point.runs) {
      if (run.pfn + run.pages > this.#spanPages) break;
      const place = `#map,${point.label}: pfn ${run.pfn} to ${run.pfn + run.pages - 1}`;
      this.#everywhere(run, `${place}: level`, run.level, (page) => this.#map.levelAt(page));
      if (run.level === 1) this.runsWithoutFlags++;
      if (run.level < 2) continue;
      const attributes = attributeNames(attributesOfFlags(run.flags));
      this.#everywhere(run, `${place}: attributes`, attributes, (page) =>
        attributeNames(this.#map.attributesAt(page)),
      );
    }
    const last = point.runs.at(-1);
    this.comparison.equal(
      last?.line ?? point.line,
      `#map,${point.label}: end`,
      last === undefined ? 0 : last.pfn + last.pages,
      this.#spanPages,
    );
  }

  /**
   * Compares a whole run with the model, and names the first block where they differ. One page a block will do:
   * runs are whole blocks, and a large entry has one set of attributes.
   */
  #everywhere<T extends number | string>(
    { line, pfn: start, pages }: RecordedRun,
    what: string,
    kernel: T,
    modelAt: (page: Pfn) => T,
  ): void {
    for (let page = start; page < start + pages; page += 512) {
      const model = modelAt(pfn(page));
      if (model === kernel) continue;
      this.comparison.equal(line, what, kernel, `${model} at pfn ${page}`);
      return;
    }
    this.comparison.equal(line, what, kernel, kernel);
  }

  #level(row: RecordedRow, column: string, kernel: number): void {
    this.#checkRange(row.line, row.pfn, 1);
    this.comparison.equal(row.line, column, kernel, this.#map.levelAt(pfn(row.pfn)));
  }

  /** Applies a row and returns what its `_delta` columns should say. */
  #apply(row: RecordedRow): ChangeResult {
    const { operation, method, rc, line } = row;
    if (operation.scope === 'none' || method === undefined) return NOTHING;
    const { set } = operation;
    switch (operation.scope) {
      case 'range':
        if (rc !== 0) return NOTHING;
        this.conversions++;
        return this.#change(line, row.pfn, row.pages, method, set);
      case 'area':
        if (rc !== 0) return NOTHING;
        this.conversions++;
        return this.#changePages(line, this.#pagesOf(row), method, set);
      case 'area-page': {
        const open = this.#openAreas.get(row.id) ?? { recorded: new Set(), changes: NOTHING };
        this.#openAreas.set(row.id, open);
        open.recorded.add(row.pfn);
        if (rc !== 0) return NOTHING;
        this.conversions++;
        const changes = this.#change(line, row.pfn, row.pages, method, set);
        open.changes = sum(open.changes, changes);
        return changes;
      }
      case 'area-sum': {
        const open = this.#openAreas.get(row.id) ?? { recorded: new Set(), changes: NOTHING };
        this.#openAreas.delete(row.id);
        // The pages without a row were converted just the same, and are in the sum; unless the loop failed.
        const muted = rc === 0 ? this.#pagesOf(row).filter((page) => !open.recorded.has(page)) : [];
        this.conversions += muted.length;
        return sum(open.changes, this.#changePages(line, muted, method, set));
      }
    }
  }

  #pagesOf(row: RecordedRow): readonly number[] {
    const pages = this.#areas.get(row.id);
    if (pages === undefined) {
      throw new InputError(
        `${this.#recording.file}:${row.line}: '${row.op}' on area ${row.id} without its pages; ` +
          `expected #vrun,${row.id} lines before it`,
      );
    }
    return pages;
  }

  /** A vmalloc area is converted one 4 KiB entry at a time, also where its pages are contiguous. */
  #changePages(line: number, pages: readonly number[], method: Method, set: boolean): ChangeResult {
    return pages.reduce((total, page) => sum(total, this.#change(line, page, 1, method, set)), NOTHING);
  }

  #change(line: number, start: number, pages: number, method: Method, set: boolean): ChangeResult {
    this.#checkRange(line, start, pages);
    const changes = this.#map.change(pfn(start), pages, changeBy(method, set, this.#recording.kernel));
    this.changes = sum(this.changes, changes);
    return changes;
  }

  #checkRange(line: number, start: number, pages: number, file = this.#recording.file): void {
    if (start + pages > this.#spanPages) {
      throw new InputError(
        `${file}:${line}: pages ${start} to ${start + pages - 1}; expected pages below ${this.#spanPages}, where the first #map ends`,
      );
    }
  }

  #applyDrivers(): void {
    for (const { file, line, set, pfn: start, pages } of this.#drivers.slice(this.driverConversions)) {
      this.#checkRange(line, start, pages, file);
      this.#change(line, start, pages, 'dec', set);
      this.driverConversions++;
    }
  }

  /** What happened since the row before: also what other rows, or a stranger, did to the map in between. */
  #differences(row: RecordedRow): void {
    const previous = this.#previous;
    if (previous === undefined) return;
    const since = `since line ${previous.row.line}`;
    for (const [counter, , total] of COUNTERS) {
      this.comparison.equal(
        row.line,
        `${total} ${since}`,
        row.total[counter] - previous.row.total[counter],
        this.changes[counter] - previous.changes[counter],
      );
    }
    DIRECT_MAP.forEach(([level, column], index) => {
      this.comparison.equal(
        row.line,
        `${column} ${since}`,
        row.directMapKb[index] - previous.row.directMapKb[index],
        (this.#map.pagesAt(level) - previous.pages[index]) * 4,
      );
    });
  }

  #remember(row: RecordedRow): void {
    const pages = DIRECT_MAP.map(([level]) => this.#map.pagesAt(level));
    this.#previous = { row, changes: this.changes, pages };
  }
}

function sum(a: ChangeResult, b: ChangeResult): ChangeResult {
  return {
    splits2M: a.splits2M + b.splits2M,
    splits1G: a.splits1G + b.splits1G,
    collapses2M: a.collapses2M + b.collapses2M,
    collapses1G: a.collapses1G + b.collapses1G,
  };
}

/** The dump of a `freelists v1` file: what the page allocator of a stopped kernel held, zone after zone. */
import { MAX_PAGE_ORDER, type MemoryState, type Migratetype } from '@decpool/model';
import {
  type ExactCpu,
  type ExactMemory,
  type ExactZone,
  MIGRATETYPES,
  type PageRun,
  packChunks,
  type ZoneState,
} from '@decpool/model/internal';
import { directMapAtBoot } from './direct-map-start.ts';
import type { FreelistsLine } from './freelists-line.ts';

const PAGEBLOCK_PAGES = 512;
/** Orders of the per-CPU lists by index: 0 to 3 by migratetype, and twice 9. */
const CPU_LIST_ORDERS = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 9, 9] as const;
/** Number of zone Normal: the highest zone that a GFP_KERNEL request may use, for lowmem_reserve. */
const NORMAL = 2;

type Mutable<List> = List extends readonly (infer Item)[] ? Item[] : never;

/** A CPU's lists of a zone while its lines are read. */
interface CpuDump {
  readonly fields: Omit<ExactCpu, 'lists'>;
  readonly lists: Mutable<ExactCpu['lists']>;
  /** Pages in the lists by the counter, and as they are read. */
  readonly count: number;
  pages: number;
}

/** A zone while its lines are read. */
interface ZoneDump {
  readonly line: FreelistsLine;
  readonly name: string;
  readonly present: number;
  readonly fields: Omit<ExactZone, 'pageblocks' | 'movable' | 'lists' | 'cpus'>;
  readonly pageblocks: Mutable<ExactZone['pageblocks']>;
  readonly movable: Mutable<ExactZone['movable']>;
  readonly lists: Mutable<ExactZone['lists']>;
  readonly free: Record<Migratetype, number[]>;
  readonly cpus: CpuDump[];
  /** The end of the last free chunk. */
  freeEnd: number;
}

const perType = <Value>(value: () => Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value()])) as Record<Migratetype, Value>;

/** Reads the dump line by line. Errors name file and line. */
export class DumpReader {
  readonly #zones = new Map<number, ZoneDump>();
  readonly #cpus: number;

  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  /** Takes a line; false if it is none of a dump. */
  read(line: FreelistsLine): boolean {
    switch (line.kind) {
      case 'Z':
        this.#zone(line.as('Z zone key=value...'));
        return true;
      case 'Q':
        this.#perCpu(line.as('Q zone cpu key=value...'));
        return true;
      case 'B':
        this.#pageblocks(line.as('B zone first_pfn count type'));
        return true;
      case 'M':
        this.#movable(line.as('M zone pages...'));
        return true;
      case 'L':
        this.#freeList(line.as('L zone order type pfn...'));
        return true;
      case 'P':
        this.#perCpuList(line.as('P zone cpu index pfn...'));
        return true;
      default:
        return false;
    }
  }

  #zoneOf(line: FreelistsLine): ZoneDump {
    const number = line.whole('zone');
    return this.#zones.get(number) ?? line.fail(`zone ${number} has no 'Z' line before`, 'a known zone');
  }

  #zone(line: FreelistsLine): void {
    const number = line.whole('zone');
    if (this.#zones.has(number)) line.fail(`zone ${number} a second time`, 'each zone once');
    const values = line.values();
    const [start, end] = [values.whole('start'), values.whole('end')];
    if (end <= start || end > 2 ** 28)
      line.fail(`start=${start} end=${end}`, 'pages from start to before end, up to 1 TiB');
    this.#zones.set(number, {
      line,
      name: values.text('name'),
      present: values.has('present') ? values.whole('present') : end - start,
      fields: {
        start,
        end,
        managed: values.whole('managed'),
        freeCounter: values.whole('free'),
        min: values.whole('min'),
        low: values.whole('low'),
        high: values.whole('high'),
        boost: values.whole('boost'),
        lowmemReserve: values.wholes('lowmem_reserve'),
        // Newer kernels know how many pages of the reserve are free, and leave only those out.
        reservedHighatomic: values.whole(
          values.has('free_highatomic') ? 'free_highatomic' : 'reserved_highatomic',
        ),
        flags: values.whole('flags'),
      },
      pageblocks: [],
      movable: [],
      lists: [],
      free: perType(() => new Array<number>(MAX_PAGE_ORDER + 1).fill(0)),
      cpus: [],
      freeEnd: 0,
    });
  }

  #perCpu(line: FreelistsLine): void {
    const { cpus } = this.#zoneOf(line);
    const cpu = line.whole('cpu', this.#cpus);
    if (cpu !== cpus.length) line.fail(`the lists of CPU ${cpu}`, `CPU ${cpus.length} next`);
    const values = line.values();
    const fields = {
      batch: values.whole('batch'),
      high: values.whole('high'),
      ...values.wholesOf({
        highMin: 'high_min',
        highMax: 'high_max',
        freeFactor: 'free_factor',
        allocFactor: 'alloc_factor',
        freeCount: 'free_count',
        flags: 'flags',
      }),
      freeDiff: values.integer('free_diff'),
    };
    cpus.push({ fields, lists: [], count: values.whole('count'), pages: 0 });
  }

  #pageblocks(line: FreelistsLine): void {
    const { pageblocks, fields } = this.#zoneOf(line);
    const [first, count, type] = [line.whole('first_pfn'), line.whole('count'), line.blockType()];
    if (first % PAGEBLOCK_PAGES !== 0 || first + (count - 1) * PAGEBLOCK_PAGES >= fields.end) {
      line.fail(
        `${count} pageblocks from page ${first}`,
        `whole pageblocks of ${PAGEBLOCK_PAGES} pages in the zone`,
      );
    }
    if (type !== undefined) pageblocks.push([first, count, type]);
  }

  #movable(line: FreelistsLine): void {
    const { movable, fields } = this.#zoneOf(line);
    const firstBlock = Math.floor(fields.start / PAGEBLOCK_PAGES);
    const most = Math.ceil(fields.end / PAGEBLOCK_PAGES) - firstBlock;
    const pages = line.wholes('pages');
    if (pages.length > most) line.fail(`${pages.length} pageblocks`, `at most ${most}, as the zone spans`);
    for (let block = 0; block < pages.length; ) {
      let next = block + 1;
      while (pages[next] === pages[block]) next++;
      if (pages[block] > 0)
        movable.push([(firstBlock + block) * PAGEBLOCK_PAGES, next - block, pages[block]]);
      block = next;
    }
  }

  #freeList(line: FreelistsLine): void {
    const zone = this.#zoneOf(line);
    const [order, type] = [line.order(), line.type()];
    const pfns = this.#chunks(line, zone, order);
    if (zone.free[type][order] > 0)
      line.fail(`the list of order ${order}, ${type}, a second time`, 'each list once');
    zone.free[type][order] = pfns.length;
    zone.lists.push([order, type, packChunks(pfns)]);
  }

  #perCpuList(line: FreelistsLine): void {
    const zone = this.#zoneOf(line);
    const [number, index] = [line.whole('cpu', this.#cpus), line.whole('index', CPU_LIST_ORDERS.length)];
    const cpu = zone.cpus[number] ?? line.fail(`CPU ${number} has no 'Q' line before`, 'a known CPU');
    const order = CPU_LIST_ORDERS[index];
    const pfns = this.#chunks(line, zone, order);
    cpu.pages += pfns.length << order;
    cpu.lists.push([index, packChunks(pfns)]);
  }

  #chunks(line: FreelistsLine, zone: ZoneDump, order: number): number[] {
    const pfns = line.wholes('pfn');
    const { start, end } = zone.fields;
    const pages = 1 << order;
    for (const pfn of pfns) {
      if (pfn % pages !== 0 || pfn < start || pfn + pages > end) {
        line.fail(
          `pfn ${pfn}`,
          `the first page of a chunk of order ${order} in pages ${start} to ${end - 1}`,
        );
      }
      zone.freeEnd = Math.max(zone.freeEnd, pfn + pages);
    }
    return pfns;
  }

  /** Bounds of the zones, to check pfns with. */
  get zones(): readonly Pick<ExactZone, 'start' | 'end'>[] {
    return [...this.#zones.values()].map(({ fields }) => fields);
  }

  /** What all lines together say. Throws InputError if counters and lists disagree. */
  memory(name: string, kernel: string): MemoryState {
    const dumps = [...this.#zones].sort(([a], [b]) => a - b).map(([, dump]) => dump);
    for (const dump of dumps) expectCounted(dump, this.#cpus);
    const zones = dumps.map(zoneState);
    const exact: ExactMemory = {
      kernel,
      zones: dumps.map(({ fields, pageblocks, movable, lists, cpus }) => ({
        ...fields,
        pageblocks,
        movable,
        lists,
        cpus: cpus.map((cpu) => ({ ...cpu.fields, lists: cpu.lists })),
      })),
    };
    return { name, zones, exact, directMap: directMapAtBoot(zones.flatMap(({ ram }) => ram)) };
  }
}

/** The counters of the kernel and the lists were dumped at one moment: they agree, or lines are missing. */
function expectCounted({ line, fields, free, cpus }: ZoneDump, expectedCpus: number): void {
  if (cpus.length !== expectedCpus)
    line.fail(`the zone has the lists of ${cpus.length} CPUs`, `${expectedCpus}, as smp=`);
  const counted = cpus.reduce((sum, cpu) => sum + cpu.fields.freeDiff, fields.freeCounter);
  const listed = MIGRATETYPES.reduce(
    (sum, type) => sum + free[type].reduce((pages, chunks, order) => pages + (chunks << order), 0),
    0,
  );
  if (listed !== counted)
    line.fail(`${listed} pages in 'L' lines`, `${counted}: free= and free_diff= of all CPUs`);
  for (const [cpu, { count, pages }] of cpus.entries()) {
    if (pages !== count)
      line.fail(`${pages} pages in 'P' lines of CPU ${cpu}`, `count=${count}, as its 'Q' line`);
  }
}

function zoneState(dump: ZoneDump): ZoneState {
  const { name, fields, free, pageblocks } = dump;
  const blocks = perType(() => 0);
  for (const [, count, type] of pageblocks) blocks[type] += count;
  const { boost, lowmemReserve } = fields;
  const [min, low, high] = [fields.min, fields.low, fields.high].map((mark) => mark + boost);
  const lowWatermark = low + (lowmemReserve[NORMAL] ?? 0);
  return {
    ...{ name, ram: ramOf(dump), free, lowWatermark },
    watermarks: { min, low, high, lowmemReserve },
    pageblocks: blocks,
  };
}

/**
 * The pageblocks with memory. If fewer pages than a pageblock are missing from them and the last ones are not free, RAM ends that much
 * earlier, as below the hole for devices. Holes elsewhere are not known: they count as RAM in use.
 */
function ramOf({ fields: { start, end }, present, pageblocks, freeEnd }: ZoneDump): PageRun[] {
  const ram: [start: number, pages: number][] = [];
  for (const [first, count] of pageblocks) {
    const from = Math.max(first, start);
    const pages = Math.min(first + count * PAGEBLOCK_PAGES, end) - from;
    const last = ram.at(-1);
    if (last !== undefined && last[0] + last[1] === from) last[1] += pages;
    else ram.push([from, pages]);
  }
  const last = ram.at(-1);
  const missing = ram.reduce((sum, [, pages]) => sum + pages, 0) - present;
  if (
    last !== undefined &&
    missing > 0 &&
    missing < PAGEBLOCK_PAGES &&
    freeEnd <= last[0] + last[1] - missing
  ) {
    last[1] -= missing;
  }
  return ram;
}

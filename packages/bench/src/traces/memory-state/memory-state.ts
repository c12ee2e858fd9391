/**
 * Reads a memory state: every list of a stopped kernel (`freelists v1`), or copies of /proc/buddyinfo and /proc/pagetypeinfo, and
 * optionally of iomem, zoneinfo and a walk of the direct map.
 */
import { basename, resolve } from 'node:path';
import {
  InputError,
  MAX_PAGE_ORDER,
  type MappingRun,
  type MemoryState,
  type Migratetype,
} from '@decpool/model';
import { gradeOf, MIGRATETYPES, type PageRun, type ZoneState } from '@decpool/model/internal';
import { type DirectMapStart, directMapStart } from './direct-map-start.ts';
import { readFreeLists, type ZoneFreeLists } from './free-lists.ts';
import { freelistsAt, readFreelists } from './freelists.ts';
import { type PageFlags, pageFlagsIn, withPositions } from './page-flags.ts';
import { folderFiles, iomemRanges, type ProcFiles, procLines, zoneLabel } from './proc-files.ts';

/** A memory state that was read from files of a kernel. */
export interface RecordedMemory {
  readonly memory: MemoryState;
  /** Sentences on files that disagree with each other. The state is usable anyway. */
  readonly warnings: readonly string[];
}

/**
 * Reads a `freelists v1` file, or these files of a folder:
 * - `freelists.gz` or `freelists`: every list in its order. Then buddyinfo and the like are not read.
 * - `buddyinfo` and `pagetypeinfo`.
 * - Optional: `kpageflags` or `kpageflags.gz`, for where free chunks are.
 * - `iomem`, `zoneinfo` or both, for where the RAM is. zoneinfo also has the watermarks and the NUMA nodes.
 * - Optional: `directmap`, `page_tables` or `meminfo`, for the direct map: see directMapStart().
 * - Optional: `name`. Default: the folder's name; of every list in its order: kernel and state. The grade is added to it.
 *
 * Throws InputError with file and line.
 */
export function readMemoryState(path: string): RecordedMemory {
  const { memory, warnings } = readState(path);
  return { memory: { ...memory, name: `${memory.name} (${gradeOf(memory)})` }, warnings };
}

function readState(path: string): RecordedMemory {
  const files = folderFiles(path);
  const name = files.textOf('name')?.split('\n')[0].trim();
  const freelists = freelistsAt(path);
  if (freelists === undefined) {
    return memoryStateOf(files, name ?? basename(resolve(path)), { flags: pageFlagsIn(path) });
  }
  const { memory } = readFreelists(freelists);
  const { runs, note } = directMapStart(
    files,
    memory.zones.flatMap(({ ram }) => ram),
  );
  return {
    memory: { ...memory, name: name ?? memory.name, directMap: runs },
    warnings: note === undefined ? [] : [note],
  };
}

/** What is known of a memory state besides its text files. */
interface Known {
  readonly directMap?: readonly MappingRun[] | undefined;
  readonly flags?: PageFlags | undefined;
}

/** As readMemoryState(), of files that need not be in a folder. */
export function memoryStateOf(
  files: ProcFiles,
  name: string,
  { directMap, flags }: Known = {},
): RecordedMemory {
  const warnings: string[] = [];
  const freeLists = readFreeLists(files, warnings);
  const spans = readSpans(files, freeLists);
  const systemRam = readSystemRam(files);
  const zones = freeLists.map((zone): ZoneState => {
    const span = spans.find((candidate) => candidate.node === zone.node && candidate.name === zone.name);
    const ram = span === undefined ? [] : ramIn(span, systemRam, warnings);
    if (span === undefined || ram.length === 0) {
      const label = zoneLabel(zone.node, zone.name);
      throw new InputError(`${files.place}: buddyinfo has ${label}, but no RAM lies in it`);
    }
    const { lowWatermark, watermarks, pageCache } = span;
    const counted = {
      ...{ ...zone, ram, lowWatermark },
      ...(watermarks === undefined ? {} : { watermarks }),
      ...(pageCache === undefined ? {} : { pageCache }),
    };
    if (flags !== undefined) return withPositions(counted, flags, warnings);
    warnings.push(...contradictions(zone, ram));
    return counted;
  });
  expectApart(files, zones);
  const { runs, note }: DirectMapStart =
    directMap === undefined
      ? directMapStart(files, zones.flatMap(({ ram }) => ram).sort(byStart))
      : { runs: directMap, note: undefined };
  if (note !== undefined) warnings.push(note);
  return { memory: { name, zones: withPageCache(files, zones), directMap: runs }, warnings };
}

const byStart = (a: PageRun, b: PageRun) => a[0] - b[0];

interface ZoneSpan {
  readonly node: number;
  readonly name: string;
  readonly span: PageRun;
  /** Pages of the span that exist, without holes; undefined if unknown. */
  readonly present?: number | undefined;
  readonly lowWatermark: number;
  readonly watermarks?: ZoneState['watermarks'];
  /** Pages of page cache; undefined if unknown. */
  readonly pageCache?: number | undefined;
}

/** Default spans of the zones, those of x86: arch/x86/include/asm/dma.h. */
const X86_SPANS: readonly ZoneSpan[] = [
  { node: 0, name: 'DMA', span: [0, 2 ** 12], lowWatermark: 0 },
  { node: 0, name: 'DMA32', span: [2 ** 12, 2 ** 20 - 2 ** 12], lowWatermark: 0 },
  { node: 0, name: 'Normal', span: [2 ** 20, Number.POSITIVE_INFINITY], lowWatermark: 0 },
];

function readSpans(files: ProcFiles, zones: readonly ZoneFreeLists[]): readonly ZoneSpan[] {
  if (files.textOf('zoneinfo') !== undefined) return readZoneinfo(files);
  if (files.textOf('iomem') === undefined) {
    throw new InputError(
      `${files.place}: no iomem and no zoneinfo; expected a copy of /proc/iomem (read as root) or /proc/zoneinfo, to know where RAM is`,
    );
  }
  const other = zones.find(({ node }) => node !== 0);
  if (other !== undefined) {
    throw new InputError(
      `${files.place}: buddyinfo has node ${other.node}, and only zoneinfo has the memory of each node; ` +
        'expected a copy of /proc/zoneinfo',
    );
  }
  return X86_SPANS;
}

/** The RAM of a zone. Without iomem, holes inside its span count as RAM. */
function ramIn(zone: ZoneSpan, systemRam: readonly PageRun[] | undefined, warnings: string[]): PageRun[] {
  const { node, name, span, present } = zone;
  const ram = systemRam?.map((run) => overlap(run, span)).filter(([, pages]) => pages > 0) ?? [span];
  const pages = pagesOf(ram);
  if (present !== undefined && pages > 0 && pages !== present) {
    const source = systemRam === undefined ? 'its span' : 'iomem';
    warnings.push(
      `In ${zoneLabel(node, name)}, zoneinfo counts ${present} present pages, but ${source} has ${pages}. ` +
        `The ${pages} pages count as RAM.`,
    );
  }
  return ram;
}

const pagesOf = (runs: readonly PageRun[]) => runs.reduce((sum, [, pages]) => sum + pages, 0);

/** The pages that both runs have; 0 pages or fewer if there are none. */
export function overlap([start, pages]: PageRun, [otherStart, otherPages]: PageRun): PageRun {
  const first = Math.max(start, otherStart);
  return [first, Math.min(start + pages, otherStart + otherPages) - first];
}

/** Interleaved nodes would claim the same RAM twice, because the files do not say which node owns it. */
function expectApart(files: ProcFiles, zones: readonly ZoneState[]): void {
  const runs = zones
    .flatMap(({ node = 0, name, ram }) => ram.map((run) => ({ label: zoneLabel(node, name), run })))
    .sort((a, b) => byStart(a.run, b.run));
  for (const [index, { label, run }] of runs.slice(1).entries()) {
    const before = runs[index];
    if (before.run[0] + before.run[1] <= run[0]) continue;
    throw new InputError(
      `${files.pathOf('zoneinfo')}: ${before.label} and ${label} both span page ${run[0]}; interleaved nodes are not modelled`,
    );
  }
}

const PAGEBLOCK_ORDER = 9;
const PAGEBLOCK_PAGES = 1 << PAGEBLOCK_ORDER;

/**
 * Counts that no placement of the chunks can satisfy. Only counts are compared, because a trial placement costs as much as a
 * run; PageSource reports its own misplaced and dropped chunks.
 */
function contradictions(zone: ZoneFreeLists, ram: readonly PageRun[]): string[] {
  const where = `In ${zoneLabel(zone.node, zone.name)},`;
  const smallPages = (type: Migratetype) =>
    zone.free[type].slice(0, PAGEBLOCK_ORDER).reduce((sum, count, order) => sum + count * (1 << order), 0);
  const wholeBlocks = (type: Migratetype) =>
    zone.free[type][PAGEBLOCK_ORDER] + 2 * zone.free[type][MAX_PAGE_ORDER];

  const blocks = ram.reduce(
    (sum, [start, pages]) =>
      sum + Math.max(0, Math.floor((start + pages) / PAGEBLOCK_PAGES) - Math.ceil(start / PAGEBLOCK_PAGES)),
    0,
  );
  const whole = MIGRATETYPES.reduce((sum, type) => sum + wholeBlocks(type), 0);
  const free = MIGRATETYPES.reduce((sum, type) => sum + smallPages(type), whole * PAGEBLOCK_PAGES);
  const found: string[] = [];
  if (whole > blocks) {
    found.push(
      `${where} ${whole} pageblocks are free, but RAM has only ${blocks} whole ones. The rest is ignored.`,
    );
  } else if (free > pagesOf(ram)) {
    found.push(
      `${where} ${free} pages are free, but only ${pagesOf(ram)} are RAM. Some free pages are ignored.`,
    );
  }
  for (const type of MIGRATETYPES) {
    const inUse = Math.max(0, zone.pageblocks[type] - wholeBlocks(type));
    if (smallPages(type) > inUse * PAGEBLOCK_PAGES) {
      found.push(
        `${where} ${smallPages(type)} free ${type} pages do not fit in ${inUse} ${type} pageblocks. ` +
          'Some are placed in other pageblocks.',
      );
    }
  }
  return found;
}

/** Position of zone Normal in a `protection` list: the highest zone that a GFP_KERNEL request may use. */
const NORMAL = 2;

/** Each zone that spans any pages: `min`, `low`, `high` (their boost is in them), `spanned`, `present`, `protection` and, last, `start_pfn` of /proc/zoneinfo. */
function readZoneinfo(files: ProcFiles): ZoneSpan[] {
  const zones: ZoneSpan[] = [];
  let zone = { node: 0, name: '' };
  let fields = new Map<string, number>();
  let lowmemReserve: readonly number[] = [];
  for (const { text } of procLines(files, 'zoneinfo')) {
    const header = /^Node (\d+), zone\s+(\w+)/.exec(text);
    const field = /^\s+(min|low|high|spanned|present|start_pfn:|nr_zone_(?:in)?active_file)\s+(\d+)$/.exec(
      text,
    );
    const protection = /^\s+protection: \(([\d, ]+)\)$/.exec(text);
    if (header !== null) {
      zone = { node: Number(header[1]), name: header[2] };
      fields = new Map();
      lowmemReserve = [];
    } else if (protection !== null) {
      lowmemReserve = protection[1].split(',').map(Number);
    } else if (field !== null && !fields.has(field[1])) {
      fields.set(field[1], Number(field[2]));
      const [start, spanned] = [fields.get('start_pfn:'), fields.get('spanned') ?? 0];
      if (start === undefined || spanned === 0) continue;
      const [min, low, high] = ['min', 'low', 'high'].map((name) => fields.get(name));
      const inactive = fields.get('nr_zone_inactive_file');
      const pageCache = inactive && inactive + (fields.get('nr_zone_active_file') ?? 0);
      zones.push({
        ...zone,
        span: [start, spanned],
        present: fields.get('present'),
        lowWatermark: (low ?? 0) + (lowmemReserve[NORMAL] ?? 0),
        ...(min === undefined || low === undefined || high === undefined
          ? {}
          : { watermarks: { min, low, high, lowmemReserve } }),
        pageCache,
      });
      fields.delete('spanned');
    }
  }
  if (zones.length === 0) {
    throw new InputError(`${files.pathOf('zoneinfo')}: no zones; expected the content of /proc/zoneinfo`);
  }
  return zones;
}

/** Zones without a number of their own get their part of meminfo's file pages, by the pages in use. */
function withPageCache(files: ProcFiles, zones: readonly ZoneState[]): readonly ZoneState[] {
  const meminfo = files.textOf('meminfo') ?? '';
  const kib = [...meminfo.matchAll(/^(?:Ina|A)ctive\(file\):\s+(\d+) kB$/gm)].map(([, value]) =>
    Number(value),
  );
  if (kib.length === 0 || zones.some(({ pageCache }) => pageCache !== undefined)) return zones;
  const inUse = zones.map(
    ({ ram, free }) =>
      pagesOf(ram) -
      MIGRATETYPES.reduce((sum, type) => sum + free[type].reduce((s, n, order) => s + n * 2 ** order, 0), 0),
  );
  const share = kib.reduce((sum, value) => sum + value, 0) / 4 / inUse.reduce((sum, pages) => sum + pages, 0);
  return zones.map((zone, index) => ({ ...zone, pageCache: Math.floor(inUse[index] * Math.min(1, share)) }));
}

/** The top-level `System RAM` ranges of /proc/iomem; undefined without that file. */
function readSystemRam(files: ProcFiles): PageRun[] | undefined {
  const ranges = iomemRanges(files, /^([0-9a-f]+)-([0-9a-f]+) : System RAM$/);
  if (ranges?.length === 0) {
    throw new InputError(
      `${files.pathOf('iomem')}: no 'System RAM' with an address; read /proc/iomem as root, or it shows zeros`,
    );
  }
  return ranges;
}

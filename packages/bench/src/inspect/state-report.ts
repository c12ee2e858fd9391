/** A state: counters, blocks in use with the owners that pin them, live allocations by owner. */
import { blockIndex, type Columns, type Counters, type StateView } from '@decpool/model';
import { forEachBlock, holdings, LEVELS, type LevelName } from '@decpool/model/internal';
import type { OpenLog } from '../log/open.ts';
import { printable } from '../text/printable.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { type CounterGroup, counterLines, groupedCounters, groupTitle } from './counter-groups.ts';
import { positionText } from './event-text.ts';
import { type FactPages, factPages } from './fact-pages.ts';
import { endOf, endText, factLine, factLines, factsOf } from './stats.ts';

/** What an owner has in a block. The cache of a slab there has 0 bytes: what is in the slab belongs to the objects' owners. */
interface Pinning {
  readonly owner: string;
  readonly bytes: number;
}

interface BlockReport extends FactPages {
  readonly block: number;
  readonly firstPfn: number;
  readonly lastPfn: number;
  readonly mapped: LevelName;
  /** Those with the most bytes first. */
  readonly pinnedBy: readonly Pinning[];
}

interface OwnerReport {
  readonly owner: string;
  readonly liveAllocations: number;
  /** Of these, those that are objects in slabs. */
  readonly liveObjects: number;
  readonly livePages: number;
  readonly askedBytes: number;
  /** Blocks in which the owner has something. */
  readonly blocks: number;
}

export function stateReport(log: OpenLog, columns: Columns) {
  const view = columns.view();
  const counters = columns.publishCounters();
  const sums = sumsOf(view);
  return {
    header: factsOf(log.header),
    end: endOf(log),
    position: { events: counters.events, ofEvents: log.events, timeNs: counters.time },
    pageBytes: 2 ** view.geometry.pageShift,
    counters: groupedCounters(counters),
    blocksInUse: blocksInUse(view, sums),
    owners: sums.owners,
  };
}

function blocksInUse(view: StateView, sums: HoldingSums): BlockReport[] {
  const { pagesPerBlock } = view.geometry;
  const reports: BlockReport[] = [];
  for (let block = 0; block < view.blocks; block++) {
    const found = view.block(blockIndex(block));
    if (found.claimed + found.shared + found.unknown + found.leaked === 0) continue;
    reports.push({
      block,
      firstPfn: block * pagesPerBlock,
      lastPfn: (block + 1) * pagesPerBlock - 1,
      mapped: LEVELS[found.level],
      ...factPages([found]),
      pinnedBy: [...(sums.blocks.get(block)?.values() ?? [])].sort(byBytes),
    });
  }
  return reports;
}

type MutableOwner = { -readonly [Key in keyof OwnerReport]: OwnerReport[Key] };
type MutablePinning = { -readonly [Key in keyof Pinning]: Pinning[Key] };

interface HoldingSums {
  /** What owners have in a block, by block. */
  readonly blocks: ReadonlyMap<number, ReadonlyMap<string, Pinning>>;
  readonly owners: readonly OwnerReport[];
}

/** All holdings, added up by block and by owner. */
function sumsOf(view: StateView): HoldingSums {
  const { pagesPerBlock, pageShift } = view.geometry;
  const blocks = new Map<number, Map<string, MutablePinning>>();
  const owners = new Map<string, MutableOwner>();
  let last = 0;
  for (const { kind, allocation, owner, pfn, pages, bytes, askedBytes } of holdings(view)) {
    const zero = { owner, liveAllocations: 0, liveObjects: 0, livePages: 0, askedBytes: 0, blocks: 0 };
    const sums = owners.get(owner) ?? zero;
    if (kind !== 'slab') {
      owners.set(owner, sums);
      if (allocation !== last) sums.liveAllocations++;
      if (kind === 'object') sums.liveObjects++;
      else sums.livePages += pages;
      sums.askedBytes += askedBytes;
    }
    last = allocation;
    forEachBlock(pfn, pages, pagesPerBlock, (block, inside) => {
      const pinned = blocks.get(block) ?? new Map<string, MutablePinning>();
      blocks.set(block, pinned);
      if (!pinned.has(owner) && kind !== 'slab') sums.blocks++;
      const pinning = pinned.get(owner) ?? { owner, bytes: 0 };
      pinned.set(owner, pinning);
      pinning.bytes += kind === 'slab' ? 0 : kind === 'object' ? bytes : inside * 2 ** pageShift;
    });
  }
  const byPages = (a: OwnerReport, b: OwnerReport) =>
    b.livePages - a.livePages || b.askedBytes - a.askedBytes || (a.owner < b.owner ? -1 : 1);
  return { blocks, owners: [...owners.values()].sort(byPages) };
}

const byBytes = (a: Pinning, b: Pinning): number => b.bytes - a.bytes || (a.owner < b.owner ? -1 : 1);

/** Rows of a table unless all are asked for. */
const ROWS_SHOWN = 20;

export function stateText(
  report: ReturnType<typeof stateReport>,
  counters: Counters,
  isAll: boolean,
): string {
  const { position, pageBytes, blocksInUse, owners } = report;
  const lines = [
    ...factLines(report.header),
    factLine('position', positionText(position)),
    factLine('time', `${timeText(position.timeNs)} (${position.timeNs} ns)`),
    ...(report.end === 'complete' ? [] : [factLine('end', endText({ end: report.end, tornEvents: 0 }))]),
    countersTable(counters, pageBytes),
    ...section('block in use', blocksInUse, isAll, blocksTable),
    ...section('owner with live allocations', owners, isAll, ownersTable),
  ];
  return `${lines.join('\n')}\n`;
}

/** A table, and how many more rows there are. */
function section<Row>(
  what: string,
  rows: readonly Row[],
  isAll: boolean,
  table: (rows: readonly Row[]) => string,
): string[] {
  if (rows.length === 0) return [`no ${what}`];
  const shown = isAll ? rows : rows.slice(0, ROWS_SHOWN);
  const more = rows.length - shown.length;
  return [table(shown), ...(more === 0 ? [] : [`and ${more} more of ${rows.length}: --all shows them`])];
}

/** Two columns, so that a screen holds all groups. */
const LEFT: readonly CounterGroup[] = ['memory', 'blocks', 'requests'];
const RIGHT: readonly CounterGroup[] = ['directMap', 'conversions'];

function countersTable(counters: Counters, pageBytes: number): string {
  const column = (groups: readonly CounterGroup[]) =>
    groups.flatMap((group): (readonly [string, string])[] => {
      const lines = counterLines(group, counters, pageBytes);
      const rows = lines.map(([label, value]) => [`  ${label}`, value] as const);
      return rows.length === 0 ? [] : [[groupTitle(group), ''], ...rows];
    });
  const [left, right] = [column(LEFT), column(RIGHT)];
  const none = ['', ''] as const;
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, row) => [
    ...(left[row] ?? none),
    ...(right[row] ?? none),
  ]);
  return plainTable([textColumn(''), numberColumn(''), textColumn(''), numberColumn('')], rows);
}

/** Width of the owners in the table of blocks, with margins: the table fits 100 columns. */
const OWNERS_WIDTH = { usual: 33, withLost: 15 };
const OWNERS_SHOWN = 3;

function blocksTable(blocks: readonly BlockReport[]): string {
  const hasLost = blocks.some(({ unknownPages, leakedPages }) => unknownPages + leakedPages > 0);
  const lost = hasLost ? ['unknown', 'leaked'] : [];
  const numbers = ['block', 'pfns', 'map', 'claimed', 'shared', 'allocated', ...lost];
  const width = hasLost ? OWNERS_WIDTH.withLost : OWNERS_WIDTH.usual;
  return plainTable(
    [...numbers.map(numberColumn), textColumn('pinned by', width)],
    blocks.map((block) => [
      ...[block.block, `${block.firstPfn}..${block.lastPfn}`, block.mapped],
      ...[block.claimedPages, block.sharedPages, block.allocatedPages],
      ...(hasLost ? [block.unknownPages, block.leakedPages] : []),
      ownersText(block.pinnedBy),
    ]),
  );
}

function ownersText(pinnedBy: readonly Pinning[]): string {
  const shown = pinnedBy.slice(0, OWNERS_SHOWN).map(({ owner }) => printable(owner));
  const more = pinnedBy.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** Columns of text that wrap, in characters with their margins. */
const OWNER_WIDTH = 40;

const ownersTable = (owners: readonly OwnerReport[]): string =>
  plainTable(
    [
      textColumn('owner', OWNER_WIDTH),
      ...['live', 'objects', 'pages', 'asked for', 'blocks'].map(numberColumn),
    ],
    owners.map(({ owner, liveAllocations, liveObjects, livePages, askedBytes, blocks }) => [
      printable(owner),
      formatValue(liveAllocations, 'count'),
      formatValue(liveObjects, 'count'),
      formatValue(livePages, 'pages'),
      formatValue(askedBytes, 'bytes'),
      formatValue(blocks, 'count'),
    ]),
  );

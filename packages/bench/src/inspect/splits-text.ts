/** The splits of a log as text: how many, who caused most of them, and a table. */
import type { PoolEvent } from '@decpool/model';
import { SPLIT_LEVELS, type SplitCounts } from '@decpool/model/internal';
import { shellWord } from '../report/page/escape.ts';
import { countText } from '../text/counts.ts';
import { listed } from '../text/listed.ts';
import { printable } from '../text/printable.ts';
import { fittedTable, numberColumn, type TableColumn, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { wrap } from '../text/wrap.ts';
import type { FoundSplits, Split } from './splits.ts';
import {
  type BlockSplits,
  type Causer,
  countOf,
  type OwnerSplits,
  ownerName,
  type RequestSplits,
  type SplitGrouping,
  splitCounts,
  splitsByBlock,
  splitsByOwner,
  splitsByRequest,
} from './splits-groups.ts';

interface SplitsTextOptions {
  readonly by: SplitGrouping;
  readonly isAll: boolean;
  /** Characters of a line. */
  readonly columns: number;
  /** The log, for the next command. */
  readonly path: string;
}

/** Rows of a table unless all are asked for. */
const ROWS_SHOWN = 20;

export function splitsText(found: FoundSplits, { by, isAll, columns, path }: SplitsTextOptions): string {
  const atBoot = countOf(found.atBoot) === 0 ? [] : wrap(atBootText(found.atBoot), columns);
  if (found.splits.length === 0) {
    const by = atBoot.length === 0 ? '' : ' after boot';
    return `${[`No entry of the direct map was split${by}.`, ...atBoot].join('\n')}\n`;
  }
  const total = splitCounts(found.splits);
  const table = TABLES[by](found, total);
  // One more row takes no more room than the line about it.
  const rows = isAll || table.rows.length === ROWS_SHOWN + 1 ? table.rows : table.rows.slice(0, ROWS_SHOWN);
  const more = table.rows.length - rows.length;
  const lines = [
    ...wrap(`${countsText(total)}; ${table.most}.`, columns),
    ...atBoot,
    fittedTable(table.columns, rows, columns),
    ...(more === 0 ? [] : [`and ${countText(more, `more ${table.row}`)}: --all prints them`]),
    nextLine(found.splits, path),
  ];
  return `${lines.join('\n')}\n`;
}

/** `44 2M splits and 1 1G split`. */
function countsText(counts: SplitCounts): string {
  const levels = SPLIT_LEVELS.filter((level) => counts[level] > 0);
  return listed(levels.map((level) => countText(counts[level], `${level} split`)));
}

const atBootText = (counts: SplitCounts): string =>
  `Not in the table: ${countsText(counts)} at boot by the boot pool of swiotlb, the same under every policy.`;

/** The next thing to ask: about a split of a request, if there is one. `explain --split` takes no contiguous-split events. */
function nextLine(splits: readonly Split[], path: string): string {
  const explained = splits.filter(({ level }) => level === '2M' || level === '1G');
  const large = explained.find(({ cause }) => cause === 'request') ?? explained.at(0);
  const explain = `decpool explain ${printable(shellWord(path))}`;
  return large === undefined
    ? `Explain the block of the first split: ${explain} --block ${splits[0].block}`
    : `Explain a ${large.level} split: ${explain} --split ${large.seq}`;
}

interface SplitsTable {
  /** Who or what caused most of the splits. */
  readonly most: string;
  /** What a row is of. */
  readonly row: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly string[])[];
}

const count = (value: number): string => formatValue(value, 'count');

/** `'netvsc' caused 16 of them`. */
function mostText(causer: string, { cause, splits }: OwnerSplits | RequestSplits, all: number): string {
  const caused = countOf(splits);
  const which = all === 1 ? 'it' : caused === all ? 'all of them' : `${count(caused)} of them`;
  return cause === 'boot' ? `the policy caused ${which} at boot` : `${causer} caused ${which}`;
}

function mostByOwner(groups: readonly OwnerSplits[], total: SplitCounts): string {
  const most = groups.reduce((a, b) => (countOf(b.splits) > countOf(a.splits) ? b : a));
  return mostText(causerText(most), most, countOf(total));
}

function mostByRequest([most]: readonly RequestSplits[], total: SplitCounts): string {
  const causer =
    most.cause === 'request'
      ? `request #${most.request} of ${causerText(most)}`
      : `${causerText(most)} after request #${most.request}`;
  return mostText(causer, most, countOf(total));
}

const causerText = (group: Causer): string =>
  group.cause === 'request' ? `'${printable(ownerName(group))}'` : `the ${ownerName(group)}`;

function ownersTable(found: FoundSplits, total: SplitCounts): SplitsTable {
  const groups = splitsByOwner(found);
  const levels = SPLIT_LEVELS.filter((level) => level === '2M' || level === '1G' || total[level] > 0);
  return {
    most: mostByOwner(groups, total),
    row: 'owner',
    columns: [
      textColumn('owner'),
      ...levels.map((level) => numberColumn(`${level} splits`)),
      ...['% of splits', 'requests', 'first at event'].map(numberColumn),
    ],
    rows: groups.map((group) => [
      printable(ownerName(group)),
      ...levels.map((level) => count(group.splits[level])),
      formatValue(group.sharePercent, 'percent').replace(' %', ''),
      group.cause === 'request' ? count(group.requests) : '',
      String(group.firstSeq),
    ]),
  };
}

/** `#12`; of the deferred worker the request it ran after. */
function requestText({ cause, request }: Pick<Split, 'cause' | 'request'>): string {
  if (cause === 'boot') return '';
  return cause === 'worker' ? `after #${request}` : `#${request}`;
}

function requestsTable(found: FoundSplits, total: SplitCounts): SplitsTable {
  const groups = splitsByRequest(found);
  return {
    most: mostByRequest(groups, total),
    row: 'row',
    columns: [
      ...[numberColumn('request'), numberColumn('time'), textColumn('asked for'), numberColumn('pages')],
      ...[textColumn('owner'), numberColumn('splits'), numberColumn('first at event')],
    ],
    rows: groups.map((group: RequestSplits) => [
      requestText(group),
      timeText(group.time_ns),
      ...askedTexts(group.asked),
      printable(ownerName(group)),
      count(countOf(group.splits)),
      String(group.firstSeq),
    ]),
  };
}

/** The kernel interface and the pages asked for. */
function askedTexts(asked: PoolEvent | undefined): [what: string, pages: string] {
  if (asked === undefined) return ['', ''];
  if (asked.type === 'allocation-requested') return [asked.api, formatValue(asked.pages, 'pages')];
  return [asked.type === 'free-requested' ? 'free' : asked.type, ''];
}

function blocksTable(found: FoundSplits, total: SplitCounts): SplitsTable {
  const groups = splitsByBlock(found);
  const hasSeveral = groups.some(({ splits }) => countOf(splits) > 1);
  return {
    most: mostByOwner(splitsByOwner(found), total),
    row: 'row',
    columns: [
      numberColumn('block'),
      numberColumn('level'),
      ...(hasSeveral ? [numberColumn('splits')] : []),
      numberColumn(hasSeveral ? 'first at event' : 'at event'),
      numberColumn('request'),
      textColumn('owner'),
      textColumn('at the end'),
    ],
    rows: groups.map((group: BlockSplits) => [
      String(group.block),
      group.level,
      ...(hasSeveral ? [count(countOf(group.splits))] : []),
      String(group.firstSeq),
      requestText(group),
      printable(ownerName(group)),
      group.atEnd ?? '',
    ]),
  };
}

const TABLES: Readonly<Record<SplitGrouping, (found: FoundSplits, total: SplitCounts) => SplitsTable>> = {
  owner: ownersTable,
  request: requestsTable,
  block: blocksTable,
};

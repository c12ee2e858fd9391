/** The explanation of a block or a region, as text that fits 100 columns. */
import type { Holding } from '@decpool/model/internal';
import { countText, pagesText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { causeText, eventLines, type Names, positionText, whenText } from './event-text.ts';
import type { RangeReport, SplitReport } from './explain-range.ts';
import { ENDED_KEPT, type EndedPin } from './range-pins.ts';

/** Rows of a table; JSON has all. */
const ROWS_SHOWN = 20;

export function rangeText(report: RangeReport, names: Names): string {
  const parts = [headLines(report), splitLines(report, names), pinLines(report), heldLines(report, names)];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const nameOf = ({ kind, block, blocks }: RangeReport): string =>
  kind === 'block' ? `block ${block}` : `1G region of blocks ${block}..${block + blocks - 1}`;

function headLines(report: RangeReport): string[] {
  const { position, pages, firstShared, wasEverShared } = report;
  const { unknownPages: unknown, leakedPages: leaked } = pages;
  const lost = unknown + leaked === 0 ? '' : `, ${unknown} unknown, ${leaked} leaked`;
  const before = wasEverShared ? 'before' : 'never: no page of it was ever shared';
  const shared = firstShared === undefined ? before : `first at ${whenText(firstShared)}`;
  return [
    `${nameOf(report)}, pfns ${report.firstPfn}..${report.lastPfn}`,
    `at position  ${positionText(position)}, ${timeText(position.timeNs)}`,
    `mapped       ${mappedText(report)}`,
    `pages        ${formatValue(pages.claimedPages, 'pages')} claimed, ${formatValue(pages.sharedPages, 'pages')} shared, ${formatValue(pages.allocatedPages, 'pages')} allocated${lost}`,
    `shared       ${shared}`,
  ];
}

function mappedText({ kind, mapped, blocks, blocksOf4K }: RangeReport): string {
  if (kind === 'block') return mapped === 'hole' ? 'not at all: there is no RAM' : `by ${mapped} entries`;
  if (mapped === '1G') return 'by one 1G entry';
  return `by smaller entries: ${formatValue(blocksOf4K, 'count')} of ${blocks} blocks by 4K`;
}

function splitLines(report: RangeReport, names: Names): string[] {
  const { kind, split2M, split1G, mapped } = report;
  const lines: string[] = [];
  if (split2M !== undefined) lines.push(...oneSplitLines('2M entry', split2M, report, names));
  else if (kind === 'block') lines.push(unsplitText(report));
  if (split1G !== undefined) lines.push(...oneSplitLines('1G around it', split1G, report, names));
  else if (kind === 'region' && mapped === '1G') lines.push('1G entry     not split');
  return lines;
}

function unsplitText({ mapped, split1G }: RangeReport): string {
  if (mapped === '4K')
    return '2M entry     never split in this run: it was mapped by 4K entries from the start';
  if (mapped === 'hole') return '2M entry     none: there is no RAM';
  const around = mapped === '1G' ? 'not split, nor is the 1G entry around it' : 'not split';
  return `2M entry     ${around}${mapped === '2M' && split1G === undefined ? '; mapped by 2M from the start' : ''}`;
}

function oneSplitLines(what: string, report: SplitReport, range: RangeReport, names: Names): string[] {
  const { split, cause, claim, conversion, restored, earlierSplits } = report;
  const request = cause.by === 'request' ? cause.event : undefined;
  const label = what.padEnd(12);
  const more = earlierSplits === 0 ? '' : `, after ${countText(earlierSplits, 'earlier split')}`;
  const stays = range.platformRestores
    ? 'has not been put back'
    : 'stays: this platform puts no large entry back';
  return [
    `${label} split at ${whenText(split)}${more}`,
    `${' '.repeat(12)} by ${causeText(cause, names)}`,
    ...eventLines([claim, request, split, conversion, restored], names),
    restored === undefined
      ? `${' '.repeat(12)} the split ${stays}`
      : `${' '.repeat(12)} put back at ${whenText(restored)}`,
  ];
}

const OWNER_WIDTH = 34;

function pinLines(report: RangeReport): string[] {
  const { pinsByOwner, pinsEnded, pinsEndedLast } = report;
  const since = report.kind === 'block' && report.split2M !== undefined ? 'since the split' : 'in this run';
  if (pinsByOwner.length === 0) return [`pinned       by nothing ${since}`];
  const total = pinsByOwner.reduce((sum, { pins }) => sum + pins, 0);
  const owners = pinsByOwner.length === 1 ? '1 owner or cache' : `${pinsByOwner.length} owners or caches`;
  const lines = [`pinned ${since} ${countText(total, 'time')}, by ${owners}`];
  const table = plainTable(
    [textColumn('owner', OWNER_WIDTH), ...['times', 'still', 'longest of those over'].map(numberColumn)],
    pinsByOwner
      .slice(0, ROWS_SHOWN)
      .map(({ owner, pins, lasting, longestNs }) => [
        ...[printable(owner), pins, lasting],
        pins === lasting ? '' : timeText(longestNs),
      ]),
  );
  lines.push(table, ...moreLine(pinsByOwner.length, 'owner'));
  if (pinsEnded === 0) return lines;
  const shown = Math.min(pinsEnded, ENDED_KEPT);
  return [
    ...lines,
    `over again, the last ${shown} of ${formatValue(pinsEnded, 'count')}`,
    endedTable(pinsEndedLast),
  ];
}

const endedTable = (pins: readonly EndedPin[]): string =>
  plainTable(
    [textColumn('what'), textColumn('owner', OWNER_WIDTH), ...['pages', 'from', 'until'].map(numberColumn)],
    pins.map((pin) => [
      ...[pinName(pin), printable(pin.owner), pin.pages],
      ...[timeText(pin.fromNs), timeText(pin.untilNs)],
    ]),
  );

const pinName = ({ kind, allocation }: Pick<Holding, 'kind' | 'allocation'>): string =>
  kind === 'slab' ? 'slab' : `${kind === 'object' ? 'object' : 'allocation'} ${allocation}`;

const moreLine = (rows: number, what: string): string[] =>
  rows > ROWS_SHOWN ? [`and ${countText(rows - ROWS_SHOWN, `more ${what}`)}: --json has all`] : [];

/** What keeps the range now. */
function heldLines(report: RangeReport, names: Names): string[] {
  const { heldBy, pages, leaks } = report;
  const lines: string[] = [verdict(report)];
  if (heldBy.length > 0) lines.push(heldTable(heldBy), ...moreLine(heldBy.length, 'row'));
  if (pages.leakedPages === 0) return lines;
  const texts = leaks.map(({ event, owner }) => `leaked for ${printable(owner)} at ${whenText(event)}`);
  const events = leaks.slice(0, ROWS_SHOWN).map(({ event }) => event);
  return [...lines, ...[...new Set(texts)].slice(0, ROWS_SHOWN), ...eventLines(events, names)];
}

function verdict(report: RangeReport): string {
  const { heldBy, pages, bootSlabs, lastReturned } = report;
  if (pages.claimedPages === 0) {
    return lastReturned === undefined
      ? 'to return it now: nothing is to do, no page of it was ever claimed'
      : `to return it now: nothing is to do, no page of it is claimed (last returned at ${whenText(lastReturned)})`;
  }
  if (pages.leakedPages > 0) {
    return `it can never be returned: ${pagesText(pages.leakedPages)} in an unknown state ${pages.leakedPages === 1 ? 'is' : 'are'} leaked for good`;
  }
  if (bootSlabs > 0) {
    return `it is never returned: ${countText(bootSlabs, 'slab')} made at boot ${bootSlabs === 1 ? 'lies' : 'lie'} in it`;
  }
  const unknown = pages.unknownPages === 0 ? '' : `${pagesText(pages.unknownPages)} in an unknown state`;
  const held = heldText(heldBy);
  if (held === '' && unknown === '') {
    return 'to return it now: nothing is to be freed; the policy keeps its pages for later requests';
  }
  return `to return it now, this would have to go: ${[held, unknown].filter((text) => text !== '').join('; ')}`;
}

function heldText(heldBy: readonly Holding[]): string {
  const count = (kind: Holding['kind'], noun: string) => {
    const found = heldBy.filter((holding) => holding.kind === kind);
    const several = kind === 'slab' ? found.length : new Set(found.map(({ allocation }) => allocation)).size;
    return several === 0 ? '' : countText(several, noun);
  };
  const counts = [count('pages', 'live allocation'), count('object', 'object'), count('slab', 'slab')];
  return counts.filter((text) => text !== '').join(', ');
}

const heldTable = (heldBy: readonly Holding[]): string =>
  plainTable(
    [
      ...[textColumn('what'), textColumn('owner or cache', OWNER_WIDTH)],
      ...['first page', 'pages', 'bytes'].map(numberColumn),
    ],
    heldBy.slice(0, ROWS_SHOWN).map((holding) => {
      const { kind, slab, owner, pfn, pages, bytes } = holding;
      const what = kind === 'slab' ? `slab ${slab}` : pinName(holding);
      return [what, printable(owner), pfn, pages, formatValue(bytes, 'bytes')];
    }),
  );

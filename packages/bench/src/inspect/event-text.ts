/** Events and their causes as compact lines. */
import { type Geometry, type LogHeader, type PoolEvent, eventText as textOfEvent } from '@decpool/model';
import { blockCount, type Cause } from '@decpool/model/internal';
import { countText, pagesText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { clock, timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';

/** What an event line needs to know beside the event. */
export interface Names {
  readonly geometry: Geometry;
  /** Owner's, or cache's, name by its number; undefined for one that was not registered. */
  owner(number: number): string | undefined;
  /** Name of the owner of an allocation, if it is known. */
  ownerOf?(allocation: number): string | undefined;
}

/** Of a log; `owners` by their numbers. */
export const namesOf = ({ geometry }: LogHeader, owners: readonly string[]): Names => ({
  geometry,
  owner: (number) => owners[number],
});

/** Where in a log a report was made. */
export interface LogPosition {
  readonly events: number;
  readonly ofEvents: number;
  readonly timeNs: number;
}

/** `1,200 of 20,000 events`. */
export const positionText = ({ events, ofEvents }: LogPosition): string =>
  `${formatValue(events, 'count')} of ${countText(ofEvents, 'event')}`;

const SEQ_WIDTH = 8;
const TIME_WIDTH = 13;
const REQUEST_WIDTH = 7;
const TYPE_WIDTH = 20;

/** Number, simulated seconds, request, type and what happened. */
export function eventLine(event: PoolEvent, names: Names): string {
  return [
    String(event.seq).padStart(SEQ_WIDTH),
    clock(event.time).padStart(TIME_WIDTH),
    `#${event.request}`.padStart(REQUEST_WIDTH),
    ` ${event.type.padEnd(TYPE_WIDTH)}`,
    eventText(event, names),
  ]
    .join(' ')
    .trimEnd();
}

/** What happened, without when: `512 pages at 1136640 (block 2220)`. */
export function eventText(event: PoolEvent, names: Names): string {
  const { geometry } = names;
  return textOfEvent(event, {
    pages: pagesText,
    pagesAt: (pfn, pages) => `${pagesText(pages)} at ${placeOf(geometry, pfn, pages)}`,
    entryAt: (pfn, level) => placeOf(geometry, pfn, level === 3 ? regionPages(geometry) : 1),
    bytes: (bytes) => formatValue(bytes, 'bytes'),
    owner: (owner) => printable(names.owner(owner) ?? `owner ${owner}`),
    allocation: (allocation) => {
      const owner = names.ownerOf?.(allocation);
      return `allocation ${allocation}${owner === undefined ? '' : ` of ${printable(owner)}`}`;
    },
    name: printable,
  });
}

/** The first page frame, and the block or blocks: `1136704 (block 2220)`. */
function placeOf(geometry: Geometry, pfn: number, pages: number): string {
  const first = Math.floor(pfn / geometry.pagesPerBlock);
  const last = Math.min(blockCount(geometry), Math.ceil((pfn + pages) / geometry.pagesPerBlock)) - 1;
  return `${pfn} (${last > first ? `blocks ${first}..${last}` : `block ${first}`})`;
}

/** Pages that one 1G entry maps. */
export const regionPages = ({ pagesPerBlock, blocksPerRegion }: Geometry): number =>
  pagesPerBlock * blocksPerRegion;

/** A cause: `request #12, 1.5 s: allocation-requested 7: alloc_pages ...`. */
export function causeText(cause: Cause, names: Names): string {
  if (cause.by === 'boot pool') return 'the boot pool of swiotlb, before the first request';
  if (cause.by === 'boot') return 'the policy at boot, before the first request';
  if (cause.by === 'worker') return `the deferred worker, after request #${cause.afterRequest}`;
  const { event, owner } = cause;
  const hasOwner = event.type === 'allocation-requested' || names.ownerOf !== undefined;
  const of = owner === undefined || hasOwner ? '' : ` of ${printable(owner)}`;
  return `request #${event.request}: ${event.type} ${eventText(event, names)}${of}`;
}

/** Events one below the other, in order, each once. */
export function eventLines(events: readonly (PoolEvent | undefined)[], names: Names): string[] {
  const found = events.filter((event) => event !== undefined);
  const bySeq = new Map(found.map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq).map((event) => eventLine(event, names));
}

export const whenText = (event: PoolEvent): string => `event ${event.seq}, ${timeText(event.time)}`;

/** One compact line per event, as people read a log. */
import { blockCount, type Geometry, type PoolEvent } from '@decpool/model';
import { pagesText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { clock } from '../text/time.ts';
import { formatValue } from '../text/units.ts';

/** What an event line needs to know beside the event. */
export interface Names {
  readonly geometry: Geometry;
  /** Owner's, or cache's, name by its number; undefined for one that was not registered. */
  owner(number: number): string | undefined;
  /** Name of the owner of an allocation, where it is known. */
  ownerOf?(allocation: number): string | undefined;
}

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
  const at = (pfn: number, pages: number) => placeText(names.geometry, pfn, pages);
  switch (event.type) {
    case 'owner-registered':
      return `owner ${event.owner} is ${printable(event.name)}`;
    case 'allocation-requested':
      return `${event.allocation}: ${event.api} ${pagesText(event.pages)}, ${formatValue(event.bytes, 'bytes')}, for ${nameOf(names, event.owner)}${attributesText(event)}`;
    case 'free-requested':
      return `${allocationText(event.allocation, names)}${attributesText(event)}`;
    case 'pages-claimed':
    case 'background-allocated':
      return `${at(event.pfn, event.pages)} ${event.migratetype}`;
    case 'pages-returned':
    case 'pages-decrypted':
    case 'pages-encrypted':
    case 'background-freed':
      return at(event.pfn, event.pages);
    case 'large-page-split':
      return `${largePage(event.level)} at ${placeOf(names.geometry, event.pfn, event.level === 3 ? regionPages(names.geometry) : 1)}`;
    case 'large-page-restored':
      return `2M at ${placeOf(names.geometry, event.pfn, 1)}`;
    case 'conversion-failed':
      return `${event.direction} ${at(event.pfn, event.pages)}${event.converted === true ? ', though the host did it' : ''}${areaText(event.offset)}`;
    case 'pages-allocated':
    case 'pages-freed':
      return `${at(event.pfn, event.pages)} ${event.type === 'pages-freed' ? 'from' : 'to'} ${allocationText(event.allocation, names)}`;
    case 'allocation-failed':
      return `${allocationText(event.allocation, names)}, ${pagesText(event.pages)}: ${event.reason}`;
    case 'pages-leaked':
      return `${at(event.pfn, event.pages)}, converted for ${nameOf(names, event.owner)}`;
    case 'slab-created':
      return `${at(event.pfn, event.pages)} in units of ${event.unitBytes} B, ${nameOf(names, event.cache)}${event.allocation === 0 ? ', at boot' : `, allocation ${event.allocation}`}`;
    case 'slab-destroyed':
      return `slab ${event.slab}, its pages to ${allocationText(event.allocation, names)}`;
    case 'object-allocated':
      return `${formatValue(event.bytes, 'bytes')} of slab ${event.slab} from unit ${event.unit} to ${allocationText(event.allocation, names)}`;
    case 'object-freed':
    case 'user-mapped':
    case 'user-unmapped':
      return allocationText(event.allocation, names);
    case 'vm-area-mapped':
    case 'vm-area-unmapped':
      return `${pagesText(event.pages)} of ${allocationText(event.allocation, names)}`;
    case 'vm-area-decrypted':
    case 'vm-area-encrypted':
      return `${at(event.pfn, event.pages)}${areaText(event.offset)}`;
    case 'contiguous-split':
      return `${event.level === 2 ? '32M' : '64K'} at ${placeOf(names.geometry, event.pfn, 1)}`;
    case 'reserve-refilled':
      return pagesText(event.pages);
    case 'block-compacted':
      return `${pagesText(event.pages)} moved out of ${placeOf(names.geometry, event.pfn, 1)}`;
    case 'request-skipped':
      return `${event.what} of ${event.what === 'background-free' ? 'chunk' : 'allocation'} ${event.allocation}${attributesText(event)}`;
    case 'background-failed':
      return `chunk ${event.chunk}, ${pagesText(event.pages)} ${event.migratetype}`;
  }
}

/** `64 pages at 1136704 (block 2220)`: the first page frame, and the block or blocks. */
export const placeText = (geometry: Geometry, pfn: number, pages: number): string =>
  `${pagesText(pages)} at ${placeOf(geometry, pfn, pages)}`;

function placeOf(geometry: Geometry, pfn: number, pages: number): string {
  const first = Math.floor(pfn / geometry.pagesPerBlock);
  const last = Math.min(blockCount(geometry), Math.ceil((pfn + pages) / geometry.pagesPerBlock)) - 1;
  return `${pfn} (${last > first ? `blocks ${first}..${last}` : `block ${first}`})`;
}

export const largePage = (level: 2 | 3): '2M' | '1G' => (level === 2 ? '2M' : '1G');

/** Pages that one 1G entry maps. */
export const regionPages = ({ pagesPerBlock, blocksPerRegion }: Geometry): number =>
  pagesPerBlock * blocksPerRegion;

const nameOf = (names: Names, owner: number): string => printable(names.owner(owner) ?? `owner ${owner}`);

function allocationText(allocation: number, names: Names): string {
  const owner = names.ownerOf?.(allocation);
  return `allocation ${allocation}${owner === undefined ? '' : ` of ${printable(owner)}`}`;
}

/** Of a call on a vmalloc address, which is told as several events. */
const areaText = (offset: number | undefined): string =>
  offset === undefined ? '' : `, page ${offset} of a vmalloc area`;

interface Attributes {
  readonly gfp?: string;
  readonly node?: number;
  readonly align?: number;
}

function attributesText({ gfp, node, align }: Attributes): string {
  const told = [
    gfp ?? '',
    node === undefined ? '' : `node ${node}`,
    align === undefined ? '' : `aligned to ${align} B`,
  ].filter((text) => text !== '');
  return told.map((text) => `, ${text}`).join('');
}

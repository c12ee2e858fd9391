/**
 * What an event is, stated once. Each type has its code, its fields in the order in which logs write them, its effect on
 * the pages that it names, and a text. The types, codecs, emitters and sets of types are derived from this table; what an
 * event changes in the state is in ../state/evolve/.
 */
import { MIGRATETYPES } from '../migratetypes.ts';
import { DIRECTIONS } from '../platform.ts';
import { APIS } from '../requests.ts';
import type { AllocationId, Nanoseconds, Pfn } from '../units.ts';
import {
  ALIGN,
  type attributeFields,
  CPU,
  type Field,
  flag,
  flaggedCpu,
  flaggedPages,
  GFP_FLAGS,
  level,
  NAME,
  NODE,
  number,
  oneOf,
} from './fields.ts';

/** Why a request was not served. */
export const FAILURE_REASONS = [
  /** The page source has no free chunk left that would serve the request. */
  'out-of-memory',
  /** More contiguous pages than the page allocator's largest order holds, or a mapping larger than swiotlb's largest. */
  'too-large',
  /** The caller may not sleep, so nothing can be converted for it, and nothing that is shared already was free. */
  'would-sleep',
  /** set_memory_decrypted() returned an error. */
  'conversion-failed',
  /** The platform does not convert memory by its vmalloc address, or not in pieces of this size. */
  'unsupported',
  /** No run of free bounce-buffer slots is long enough. */
  'swiotlb-full',
] as const;
/** Why an allocation was refused. */
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** Requests that can be skipped because they are about something that was refused. */
export const SKIPPED = ['free', 'map-user', 'unmap-user', 'background-free'] as const;
/** A kind of request that is skipped because the allocation it is about was refused. */
export type Skipped = (typeof SKIPPED)[number];

/** Bit of a failed conversion's code: the host converted all the same. */
export const CONVERTED = 2;
/** Bit of a failed conversion's code: it was a call on a vmalloc address, and the row has its `offset`. */
export const AREA_CALL = 4;

/** How the texts of events name things. */
interface EventWords {
  /** `12 pages` */
  pages(count: number): string;
  /** `12 pages at 512 (block 1)` */
  pagesAt(pfn: number, pages: number): string;
  /** `512 (block 1)`: where a direct-map entry of a level, or a block, begins. */
  entryAt(pfn: number, level: 1 | 2 | 3): string;
  /** `1.5 KiB` */
  bytes(count: number): string;
  /** Name of an owner or a slab cache. */
  owner(number: number): string;
  /** `allocation 7 of eth0` */
  allocation(id: number): string;
  /** A name as it can be printed. */
  name(text: string): string;
}

/** What an event does to the pages that it names: to the pool's claim on them, to the sharing, or to their user. */
type PageEffect = 'claim' | 'return' | 'share' | 'unshare' | 'unknown' | 'hold' | 'release' | 'leak' | 'none';

/** Which request an event stands for: a numbered one, one of other users of the page allocator, or one that was skipped. */
type RequestRole = 'numbered' | 'of others' | 'skipped';

type Fields = Readonly<Record<string, Field>>;
type ValueOf<F> = F extends Field<infer Value> ? Value : never;
type OptionalNames<F extends Fields> = {
  [Name in keyof F]: F[Name] extends Field<unknown, true> ? Name : never;
}[keyof F];
/** The fields of an event object. */
type Values<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[Name]>;
} & { readonly [Name in OptionalNames<F>]?: ValueOf<F[Name]> };

interface Definition<F extends Fields> {
  /** Stored in the column `type`. Codes never change. */
  readonly code: number;
  readonly fields: F;
  /** Default: none. */
  readonly effect?: PageEffect;
  readonly request?: RequestRole;
  readonly text: (event: Values<F>, words: EventWords) => string;
}
const event = <const F extends Fields>(definition: Definition<F>): Definition<F> => definition;

const allocation = number<AllocationId>('allocation');
const owner = number('owner');
const pfn = number<Pfn>('pfn');
const pages = number('pages');
const bytes = number('bytes');
const slab = number('pfn');
const migratetype = oneOf(MIGRATETYPES);
const range = { pfn, pages };
const chunk = { ...range, migratetype };
const extent = { allocation, ...range };
const mapped = { allocation, pages };
/** Pages of the same call on a vmalloc address that came before; 0 begins a call. */
const offset = number('bytes');
/** Bit of a background request's code: the row has its CPU. The lower bits are the migratetype. */
export const HAS_CPU = 8;

const LARGE_PAGES = { 2: '2M', 3: '1G' } as const;
const CONTIGUOUS = { 1: '64K', 2: '32M' } as const;

const rangeText = ({ pfn, pages }: Values<typeof range>, words: EventWords) => words.pagesAt(pfn, pages);
const chunkText = (event: Values<typeof chunk>, words: EventWords) =>
  `${rangeText(event, words)} ${event.migratetype}`;
const areaText = (offset: number | undefined) =>
  offset === undefined ? '' : `, page ${offset} of a vmalloc area`;
const vmAreaText = (event: Values<typeof range & { offset: typeof offset }>, words: EventWords) =>
  `${rangeText(event, words)}${areaText(event.offset)}`;
const allocationText = (event: { readonly allocation: AllocationId }, words: EventWords) =>
  words.allocation(event.allocation);
const mappedText = (event: Values<typeof mapped>, words: EventWords) =>
  `${words.pages(event.pages)} of ${allocationText(event, words)}`;

function attributesText(event: ReturnType<typeof attributeFields>): string {
  const gfp = event.gfp === undefined ? '' : `, ${event.gfp}`;
  const node = event.node === undefined ? '' : `, node ${event.node}`;
  const align = event.align === undefined ? '' : `, aligned to ${event.align} B`;
  return `${gfp}${node}${align}${cpuText(event)}`;
}
const cpuText = ({ cpu }: { readonly cpu?: number }) => (cpu === undefined ? '' : `, CPU ${cpu}`);

/** All event types: the code, the fields, the effect on pages and the text of each. Names are the `type` of an event. */
export const EVENTS = {
  /** An owner or a slab cache got its number, before the first event that has it. Numbers run from 0 in this order. */
  'owner-registered': event({
    code: 0,
    fields: { owner, name: NAME },
    text: ({ owner, name }, words) => `owner ${owner} is ${words.name(name)}`,
  }),

  /** A caller asked for pages. Recorded before anything is decided, so that a log can be run again. */
  'allocation-requested': event({
    code: 1,
    fields: {
      allocation,
      api: oneOf(APIS),
      pages,
      bytes,
      owner,
      gfp: GFP_FLAGS,
      node: NODE,
      align: ALIGN,
      cpu: CPU,
    },
    request: 'numbered',
    text: (event, words) =>
      `${event.allocation}: ${event.api} ${words.pages(event.pages)}, ${words.bytes(event.bytes)}, for ${words.owner(event.owner)}${attributesText(event)}`,
  }),

  /** A caller gave an allocation back. */
  'free-requested': event({
    code: 2,
    fields: { allocation, gfp: GFP_FLAGS, cpu: CPU },
    request: 'numbered',
    text: (event, words) => `${allocationText(event, words)}${attributesText(event)}`,
  }),

  /** The page allocator handed a chunk of pages to the policy. */
  'pages-claimed': event({ code: 3, fields: chunk, effect: 'claim', text: chunkText }),

  /** The policy gave private, unused pages back to the page allocator. */
  'pages-returned': event({ code: 4, fields: range, effect: 'return', text: rangeText }),

  /** A large entry of the direct map was split one level down: level 3 = 1G -> 512 x 2M, level 2 = 2M -> 512 x 4K. */
  'large-page-split': event({
    code: 5,
    fields: { pfn, level: level<2 | 3>(LARGE_PAGES) },
    text: ({ pfn, level }, words) => `${LARGE_PAGES[level]} at ${words.entryAt(pfn, level)}`,
  }),

  /** A block's 2M mapping was put back: only if the platform restores, and only one that was split during the run. */
  'large-page-restored': event({
    code: 6,
    fields: { pfn },
    text: ({ pfn }, words) => `2M at ${words.entryAt(pfn, 2)}`,
  }),

  /** Pages became shared with the host: one successful set_memory_decrypted() of a contiguous range. */
  'pages-decrypted': event({ code: 7, fields: range, effect: 'share', text: rangeText }),

  /** Pages became private again: one successful set_memory_encrypted() of a contiguous range. */
  'pages-encrypted': event({ code: 8, fields: range, effect: 'unshare', text: rangeText }),

  /**
   * A conversion returned an error: whether the pages are shared is unknown from now on. The attempt costs as many calls,
   * passes and flushes as a successful one. `converted`: the host converted all the same, which no guest can know.
   * `offset`: only of a call on a vmalloc address, which has one event per contiguous run.
   */
  'conversion-failed': event({
    code: 9,
    fields: {
      ...range,
      direction: oneOf(DIRECTIONS),
      converted: flag(CONVERTED),
      offset: flaggedPages(AREA_CALL),
    },
    effect: 'unknown',
    text: (event, words) =>
      `${event.direction} ${rangeText(event, words)}${event.converted ? ', though the host did it' : ''}${areaText(event.offset)}`,
  }),

  /** A contiguous extent was given to an allocation; a vmalloc allocation may have several. */
  'pages-allocated': event({
    code: 10,
    fields: extent,
    effect: 'hold',
    text: (event, words) => `${rangeText(event, words)} to ${allocationText(event, words)}`,
  }),

  /** An extent was taken back; extents are freed in the order they were allocated. */
  'pages-freed': event({
    code: 11,
    fields: extent,
    effect: 'release',
    text: (event, words) => `${rangeText(event, words)} from ${allocationText(event, words)}`,
  }),

  /** A request was refused; the allocation holds nothing. */
  'allocation-failed': event({
    code: 12,
    fields: { allocation, pages, reason: oneOf(FAILURE_REASONS) },
    text: (event, words) => `${allocationText(event, words)}, ${words.pages(event.pages)}: ${event.reason}`,
  }),

  /** Pages in an unknown state were given up for good. `owner`: of the request on whose behalf they were converted. */
  'pages-leaked': event({
    code: 13,
    fields: { pfn, pages, owner },
    effect: 'leak',
    text: (event, words) => `${rangeText(event, words)}, converted for ${words.owner(event.owner)}`,
  }),

  /**
   * The pages that an allocation has just got were cut into equal units for small objects, and are the slab's from now on.
   * Slabs are numbered from 1 in the order of these events. Allocation 0: the pages of a pool made at boot.
   */
  'slab-created': event({
    code: 14,
    fields: { allocation, pfn, pages, unitBytes: bytes, cache: owner },
    text: (event, words) =>
      `${rangeText(event, words)} in units of ${event.unitBytes} B, ${words.owner(event.cache)}${event.allocation === 0 ? ', at boot' : `, allocation ${event.allocation}`}`,
  }),

  /** An empty slab's pages passed to the allocation whose object left it last, to be freed. */
  'slab-destroyed': event({
    code: 15,
    fields: { allocation, slab },
    text: (event, words) => `slab ${event.slab}, its pages to ${allocationText(event, words)}`,
  }),

  /** An allocation got units of a slab. `unit`: the first; `bytes`: of all its units. */
  'object-allocated': event({
    code: 16,
    fields: { allocation, slab, unit: pages, bytes },
    text: (event, words) =>
      `${words.bytes(event.bytes)} of slab ${event.slab} from unit ${event.unit} to ${allocationText(event, words)}`,
  }),

  /** An allocation gave its units back to their slab. */
  'object-freed': event({ code: 17, fields: { allocation }, text: allocationText }),

  /** The pages of an allocation, shared already, were mapped one behind the other: no vmalloc address is converted. */
  'vm-area-mapped': event({ code: 18, fields: mapped, text: mappedText }),

  /** The mapping of a vmalloc area was taken away, before its pages are freed. */
  'vm-area-unmapped': event({ code: 19, fields: mapped, text: mappedText }),

  /**
   * Pages became shared by set_memory_decrypted() of a vmalloc address, which converts the area page by page. One event
   * per contiguous run.
   */
  'vm-area-decrypted': event({ code: 20, fields: { ...range, offset }, effect: 'share', text: vmAreaText }),

  /** Pages became private again by set_memory_encrypted() of a vmalloc address; as `vm-area-decrypted`. */
  'vm-area-encrypted': event({ code: 21, fields: { ...range, offset }, effect: 'unshare', text: vmAreaText }),

  /**
   * A contiguous bit was cleared: level 2 = 32M (16 entries of 2M), level 1 = 64K (16 entries of 4K). Only if the
   * platform's direct map has such entries.
   */
  'contiguous-split': event({
    code: 22,
    fields: { pfn, level: level<1 | 2>(CONTIGUOUS) },
    text: ({ pfn, level }, words) => `${CONTIGUOUS[level]} at ${words.entryAt(pfn, 1)}`,
  }),

  /** An allocation was mapped into user space: until that ends, its pages must not be converted. */
  'user-mapped': event({ code: 23, fields: { allocation }, request: 'numbered', text: allocationText }),

  /** A mapping of an allocation into user space ended. */
  'user-unmapped': event({ code: 24, fields: { allocation }, request: 'numbered', text: allocationText }),

  /** The page allocator gave a chunk to somebody else. */
  'background-allocated': event({
    code: 25,
    fields: { ...chunk, cpu: flaggedCpu(HAS_CPU) },
    request: 'of others',
    text: (event, words) => `${chunkText(event, words)}${cpuText(event)}`,
  }),

  /** Somebody else gave a chunk back to the page allocator. */
  'background-freed': event({
    code: 26,
    fields: { ...range, cpu: flaggedCpu(HAS_CPU) },
    request: 'of others',
    text: (event, words) => `${rangeText(event, words)}${cpuText(event)}`,
  }),

  /** The deferred worker refilled the reserve of shared pages. `pages`: added to the reserve. */
  'reserve-refilled': event({
    code: 27,
    fields: { pages },
    text: ({ pages }, words) => words.pages(pages),
  }),

  /** Compaction moved pages out of a pageblock, all that can move. `pfn`: of the block; `pages`: moved. */
  'block-compacted': event({
    code: 28,
    fields: range,
    text: ({ pfn, pages }, words) => `${words.pages(pages)} moved out of ${words.entryAt(pfn, 2)}`,
  }),

  /**
   * A request about something that was refused before: nothing to do, as for kfree(NULL). Recorded so that the log can be run
   * again under a policy that serves the allocation. `allocation`: the refused one; for a `background-free` the number of
   * the refused chunk, 0 for one that was never requested.
   */
  'request-skipped': event({
    code: 29,
    fields: { allocation: number('allocation'), what: oneOf(SKIPPED), gfp: GFP_FLAGS, cpu: CPU },
    request: 'skipped',
    text: (event) =>
      `${event.what} of ${event.what === 'background-free' ? 'chunk' : 'allocation'} ${event.allocation}${attributesText(event)}`,
  }),

  /** The page allocator had no chunk for somebody else. Refused chunks are numbered from 1 in this order. */
  'background-failed': event({
    code: 30,
    fields: { chunk: number('allocation'), pages, migratetype, cpu: flaggedCpu(HAS_CPU) },
    request: 'of others',
    text: ({ chunk, pages, migratetype, cpu }, words) =>
      `chunk ${chunk}, ${words.pages(pages)} ${migratetype}${cpu === undefined ? '' : `, CPU ${cpu}`}`,
  }),

  /**
   * The page allocator gave a page for the table of a large page that is split next: an order-0 GFP_KERNEL allocation
   * (split_large_page(), arch/x86/mm/pat/set_memory.c).
   */
  'page-table-allocated': event({ code: 31, fields: range, text: rangeText }),

  /** The large page was restored, and the page of its table went back to the page allocator. */
  'page-table-freed': event({ code: 32, fields: range, text: rangeText }),

  /** The page allocator reclaimed page cache that was in use since before the run. */
  'pages-reclaimed': event({ code: 33, fields: range, text: rangeText }),

  /** A request for pages reclaimed some itself and waited for that: direct reclaim. `pages`: reclaimed by it. */
  'request-stalled': event({ code: 34, fields: { pages }, text: ({ pages }, words) => words.pages(pages) }),

  /** A chunk of shared pages was added to an atomic DMA pool (atomic_pool_expand(), kernel/dma/pool.c), for good. */
  'atomic-pool-grown': event({ code: 35, fields: range, text: rangeText }),

  /**
   * What every guest shares at boot is made: the boot pool of swiotlb, and the atomic DMA pools unless the policy replaces them. What
   * follows is the policy's. Only if the header has `atomicPools`. `pages`: shared by then.
   */
  'boot-pools-made': event({ code: 36, fields: { pages }, text: ({ pages }, words) => words.pages(pages) }),
} as const;

/** Name of an event type, such as `pages-decrypted`. */
export type EventType = keyof typeof EVENTS;

/** Event types by code. */
export const EVENT_TYPES = Object.keys(EVENTS) as readonly EventType[];

type Camel<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;
/** Name of an event type in camelCase, such as `pagesDecrypted`: a key of TYPE and of Emitters. */
export type TypeName<Type extends EventType = EventType> = Camel<Type>;

/** The name of a type in camelCase. */
export const typeName = <Type extends EventType>(type: Type): TypeName<Type> =>
  type.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as TypeName<Type>;

/** Code of each event type, as stored in the `type` column. */
export const TYPE = Object.freeze(
  Object.fromEntries(EVENT_TYPES.map((type) => [typeName(type), EVENTS[type].code])),
) as { readonly [Type in EventType as TypeName<Type>]: number };

/** Codes of the types for which a condition holds, as a table by code. */
export const typesWhere = (
  condition: (definition: Definition<Fields>, type: EventType) => boolean,
): readonly boolean[] =>
  EVENT_TYPES.map((type) => condition(EVENTS[type] as unknown as Definition<Fields>, type));

/** What every event carries. */
interface Fact {
  /** Position in the log, from 0. */
  readonly seq: number;
  /** Simulated ns. */
  readonly time: Nanoseconds;
  /** Number of the request that caused the event, from 1; 0 if no request did. */
  readonly request: number;
}

type FieldsOf<Type extends EventType> = (typeof EVENTS)[Type]['fields'];
/** An event of one type, without the position, time and request: what given-when-then specs write down. */
export type BodyOf<Type extends EventType> = { readonly type: Type } & Values<FieldsOf<Type>>;
/** An event of any type, without its position, time and request. */
export type EventBody = { [Type in EventType]: BodyOf<Type> }[EventType];
type EventOf<Type extends EventType> = Fact & BodyOf<Type>;
/** Everything that can happen. */
export type PoolEvent = { [Type in EventType]: EventOf<Type> }[EventType];

/** The fields of a type, in the order in which logs write them. */
export const fieldsOf = (type: EventType): Fields => EVENTS[type].fields;

/** What happened, without when: `512 pages at 1136640 (block 2220)`. */
export function eventText(event: PoolEvent, words: EventWords): string {
  const text = EVENTS[event.type].text as (event: never, words: EventWords) => string;
  return text(event as never, words);
}

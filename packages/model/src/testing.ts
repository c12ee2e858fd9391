/** What the specs of this package share: small memory, events written down as facts, and random histories. */
import { splitForChange } from './direct-map.ts';
import { InvariantError } from './errors.ts';
import { type EventBatch, EventRows } from './events/columns.ts';
import type { EventBody, PoolEvent } from './events/types.ts';
import { checkGeometry, type Geometry } from './geometry.ts';
import type { MappingRun } from './memory-state.ts';
import { type PlatformName, platformNamed } from './platform.ts';
import { Columns } from './state/columns.ts';
import type { Frame } from './state/editor.ts';
import type { PageFact, StateView } from './state/view.ts';
import { type AllocationId, allocationId, nanoseconds, type Pfn, pfn } from './units.ts';

/** An event, or its body: seq is filled in, time and request are 0 unless told. */
export type Told = EventBody & { readonly time?: number; readonly request?: number };

/** The events as one batch. */
export function batchOf(events: readonly (Told | PoolEvent)[], firstSeq = 0): EventBatch {
  const rows = new EventRows(Math.max(1, events.length));
  for (const event of events) rows.appendObject(event);
  return rows.seal(firstSeq);
}

/**
 * Memory small enough to recount after every event: blocks of 32 pages, regions of 4 blocks. The first region is
 * mapped by 4K and 2M entries, the second by one 1G entry, the third has a hole for its last two blocks.
 */
export const SMALL: Geometry = checkGeometry({
  pageShift: 12,
  pagesPerBlock: 32,
  blocksPerRegion: 4,
  spanPages: 3 * 4 * 32,
});

export const SMALL_MAP: readonly MappingRun[] = [
  [0, 32, 1],
  [32, 96, 2],
  [128, 128, 3],
  [256, 64, 2],
];

export const smallFrame = (platform: PlatformName, restore = false): Frame => ({
  geometry: SMALL,
  platform: { ...platformNamed(platform), restore },
});

/** A choice is any whole number; what it means is up to the history. */
export type Choices = readonly number[];

/**
 * A history of events that can all have happened, steered by `choices`: each proposes an event where the state
 * makes it likely to be possible, and the proposals that the reducer refuses are left out.
 */
export function historyOf(frame: Frame, directMap: readonly MappingRun[], choices: Choices): PoolEvent[] {
  const columns = new Columns(frame, directMap);
  const view = columns.view();
  const events: PoolEvent[] = [];
  const { spanPages } = frame.geometry;
  let time = 0;
  let request = 0;
  const happens = (body: EventBody): boolean => {
    const event = { seq: events.length, time: nanoseconds(time), request, ...body } as PoolEvent;
    try {
      columns.fold(batchOf([event]));
    } catch (error) {
      if (error instanceof InvariantError) return false;
      throw error;
    }
    events.push(event);
    return true;
  };
  const splits = (at: Pfn, pages: number, shared: boolean) => {
    if (frame.platform.directMap !== 'split') return;
    splitForChange(
      frame.geometry,
      {
        levelAt: (page) => view.levelAt(page),
        isUnchanged: (page) => !view.is('unknown', page) && view.is('shared', page) === shared,
        split: (base, level) => void happens({ type: 'large-page-split', pfn: base, level }),
      },
      at,
      pages,
    );
  };
  happens({ type: 'owner-registered', owner: 0, name: 'netvsc' });
  const live: AllocationId[] = [];
  for (const choice of choices) {
    const at = pfn(choice % spanPages);
    const size = [1, 2, 3, 5, 8, 32, 64, 128][Math.floor(choice / spanPages) % 8];
    const pages = Math.min(size, spanPages - at);
    const aligned = size >= 32 ? pfn(at - (at % size)) : at;
    const exposed = nextUnused(view, ['shared', 'unknown'], aligned);
    time += choice % 7;
    switch (Math.floor(choice / (8 * spanPages)) % 14) {
      case 0:
      case 1:
        happens({ type: 'pages-claimed', pfn: aligned, pages, migratetype: 'Unmovable' });
        break;
      case 2:
        happens({ type: 'pages-returned', pfn: aligned, pages });
        break;
      case 3:
      case 4:
        splits(aligned, pages, true);
        happens({ type: 'pages-decrypted', pfn: aligned, pages });
        break;
      case 5:
        splits(exposed, pages, false);
        happens({ type: 'pages-encrypted', pfn: exposed, pages });
        break;
      case 6: {
        const direction = choice % 2 === 0 ? 'decrypt' : 'encrypt';
        const start = direction === 'decrypt' ? aligned : exposed;
        splits(start, pages, direction === 'decrypt');
        happens({ type: 'conversion-failed', pfn: start, pages, direction });
        break;
      }
      case 7:
        happens({ type: 'pages-leaked', pfn: nextUnused(view, ['unknown'], at), pages: 1 });
        break;
      case 8:
        happens({ type: 'large-page-restored', pfn: pfn(at - (at % 32)) });
        break;
      case 9: {
        const id = live[choice % Math.max(1, live.length)];
        request++;
        if (id === undefined || !happens({ type: 'free-requested', allocation: id })) {
          request--;
          break;
        }
        live.splice(live.indexOf(id), 1);
        for (const extent of view.allocation(id).extents) {
          happens({ type: 'pages-freed', allocation: id, ...extent });
        }
        break;
      }
      default: {
        const id = allocationId(view.counter('lastAllocation') + 1);
        request++;
        happens({
          type: 'allocation-requested',
          allocation: id,
          api: 'vmalloc',
          pages,
          bytes: pages,
          owner: 0,
        });
        let served = 0;
        for (let page = 0; page < spanPages && served < Math.min(pages, 8); page++) {
          const start = pfn((at + page) % spanPages);
          if (!view.is('claimed', start) || view.is('allocated', start)) continue;
          if (happens({ type: 'pages-allocated', allocation: id, pfn: start, pages: 1 })) served++;
        }
        if (served > 0 && choice % 3 !== 0) {
          live.push(id);
          break;
        }
        for (const extent of view.allocation(id).extents) {
          happens({ type: 'pages-freed', allocation: id, ...extent });
        }
        happens({ type: 'allocation-failed', allocation: id, pages, reason: 'out-of-memory' });
      }
    }
  }
  return events;
}

/** The first page from `from` on of which one of the facts holds and that is in no allocation; else `from`. */
function nextUnused(view: StateView, facts: readonly PageFact[], from: Pfn): Pfn {
  for (let page: number = from; page < view.geometry.spanPages; page++) {
    const at = pfn(page);
    if (facts.some((fact) => view.is(fact, at)) && !view.is('allocated', at)) return at;
  }
  return from;
}

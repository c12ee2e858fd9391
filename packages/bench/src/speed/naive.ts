/**
 * The pool's state as a newcomer to Immer would write it: a tree of plain records, and `scan(produce)`. It keeps far less than
 * the real state and checks no rule, so the comparison flatters it.
 */
import { blockIndex, type EventBatch, type Geometry, type PoolEvent, type StateView } from '@decpool/model';
import { Immer } from 'immer';

interface NaiveBlock {
  shared: number;
  allocated: number;
  allocations: Record<number, { pfn: number; pages: number }>;
}

interface NaiveState {
  counters: { events: number; sharedPages: number; livePages: number; liveAllocations: number };
  regions: { blocks: NaiveBlock[] }[];
}

/** The naive state of a guest, with the live allocations that its events made. */
export function naiveState(view: StateView, history: readonly EventBatch[]): NaiveState {
  const { blocksPerRegion } = view.geometry;
  const state: NaiveState = {
    counters: {
      events: view.counter('events'),
      sharedPages: view.counter('sharedPages'),
      livePages: view.counter('livePages'),
      liveAllocations: view.counter('liveAllocations'),
    },
    regions: Array.from({ length: Math.ceil(view.blocks / blocksPerRegion) }, (_, region) => ({
      blocks: Array.from({ length: blocksPerRegion }, (_, index) => {
        const block = blockIndex(Math.min(view.blocks - 1, region * blocksPerRegion + index));
        return {
          shared: view.pagesOf('shared', block),
          allocated: view.pagesOf('allocated', block),
          allocations: {},
        };
      }),
    })),
  };
  const blockAt = blockFinder(view.geometry);
  for (const batch of history) {
    for (const event of batch) {
      if (event.type !== 'pages-allocated' || !view.isLive(event.allocation)) continue;
      const { pfn, pages } = event;
      blockAt(state, pfn).allocations[event.allocation] = { pfn, pages };
    }
  }
  return state;
}

const blockFinder =
  ({ pagesPerBlock, blocksPerRegion }: Geometry) =>
  (state: NaiveState, pfn: number): NaiveBlock => {
    const block = Math.floor(pfn / pagesPerBlock);
    return state.regions[Math.floor(block / blocksPerRegion)].blocks[block % blocksPerRegion];
  };

/** A reducer for scan(); `autoFreeze` is Immer's default of freezing every new state deeply. */
export function naiveReducer(
  geometry: Geometry,
  autoFreeze: boolean,
): (state: NaiveState, event: PoolEvent) => NaiveState {
  const { produce } = new Immer({ autoFreeze });
  const blockAt = blockFinder(geometry);
  return (state, event) =>
    produce(state, (draft) => {
      draft.counters.events++;
      switch (event.type) {
        case 'pages-decrypted':
        case 'pages-encrypted': {
          const pages = event.type === 'pages-decrypted' ? event.pages : -event.pages;
          draft.counters.sharedPages += pages;
          blockAt(draft, event.pfn).shared += pages;
          break;
        }
        case 'pages-allocated':
        case 'pages-freed': {
          const sign = event.type === 'pages-allocated' ? 1 : -1;
          const block = blockAt(draft, event.pfn);
          block.allocated += sign * event.pages;
          if (sign === 1) block.allocations[event.allocation] = { pfn: event.pfn, pages: event.pages };
          else delete block.allocations[event.allocation];
          draft.counters.livePages += sign * event.pages;
          draft.counters.liveAllocations += sign;
          break;
        }
      }
    });
}

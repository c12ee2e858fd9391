import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TYPE } from '../events/schema.ts';
import { blockCount, overlapPages } from '../geometry.ts';
import { Columns } from '../state/columns.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine } from '../testing.ts';
import { type Holding, holdings, Pins } from './holdings.ts';
import { Owners } from './owners.ts';

/** The pages that slabs, and allocations without one, have in a block, by owner. */
function pagesIn(block: number, held: readonly Holding[]): Map<string, number> {
  const byOwner = new Map<string, number>();
  const from = block * SMALL.pagesPerBlock;
  for (const { kind, owner, pfn, pages } of held) {
    const inside = overlapPages(pfn, pages, from, from + SMALL.pagesPerBlock);
    if (kind !== 'object' && inside > 0) byOwner.set(owner, (byOwner.get(owner) ?? 0) + inside);
  }
  return byOwner;
}

describe('what holds pages', () => {
  it('is the same in the state as in the events that led to it', () => {
    let objects = 0;
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0x3fffffff }), { minLength: 100, maxLength: 400 }), (choices) => {
        const machine = smallMachine('snp');
        const events = historyOf(machine, SMALL_MAP, choices);
        const columns = new Columns(machine, SMALL_MAP);
        const owners = new Owners();
        const pins = new Pins(SMALL.pagesPerBlock, owners);
        const batch = batchOf(events);
        columns.fold(batch);
        // An allocation that frees an empty slab holds its pages for the moment, and pins nothing.
        const emptied = new Set<number>();
        for (let row = 0; row < batch.length; row++) {
          owners.observe(batch, row);
          pins.observe(batch, row);
          if (batch.typeAt(row) === TYPE.slabDestroyed) emptied.add(batch.allocationAt(row));
        }
        const held = [...holdings(columns.view())].filter(
          ({ kind, allocation }) => kind !== 'pages' || !emptied.has(allocation),
        );
        for (let block = 0; block < blockCount(SMALL); block++) {
          const found = pins.of(block).map(({ owner, pages }) => [owners.names[owner], pages] as const);
          expect(new Map(found)).toEqual(pagesIn(block, held));
        }
        const objectsOf = (all: readonly { kind: string; allocation: number }[]) =>
          all.flatMap(({ kind, allocation }) => (kind === 'object' ? [allocation] : [])).sort();
        const found = objectsOf(pins.in(0, SMALL.spanPages));
        expect(found).toEqual(objectsOf(held));
        objects += found.length;
      }),
    );
    expect(objects).toBeGreaterThan(0);
  });
});

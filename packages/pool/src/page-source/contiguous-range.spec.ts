import { pfn, x86Geometry } from '@decpool/model';
import { checkGeometry, MIGRATETYPES, type PageRun } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aged } from './aged.ts';
import { highestRun } from './contiguous-range.ts';
import { fragmented, freshBoot } from './profiles.ts';
import { exactly, GIB, MIB, oneZone, sourceOf } from './testing.ts';
import { ZoneMap } from './zones.ts';

it('takes the highest whole free blocks that lie together below 4 GiB, out of chunks of any size', () => {
  const source = sourceOf(freshBoot(5 * GIB));
  const before = source.freePages;
  // Below 4 GiB memory ends at 3 GiB, where the hole begins; what the kernel holds lies at random places.
  const first = source.claimContiguous(3);
  expect(first % 512).toBe(0);
  expect(first).toBeGreaterThan((2 * GIB) / 4096 - 1);
  expect(first).toBeLessThan((3 * GIB) / 4096);
  expect(source.freePages).toBe(before - 3 * 512);
  const second = source.claimContiguous(3);
  expect(second).toBeLessThan(first);
});

it('goes above 4 GiB only when there is no such run below', () => {
  const source = sourceOf(freshBoot(8 * GIB));
  const starts: number[] = [];
  for (let start = source.claimContiguous(20); start !== -1; start = source.claimContiguous(20))
    starts.push(start);
  const isLow = starts.map((start) => start < (4 * GIB) / 4096);
  expect(isLow.indexOf(false)).toBeGreaterThan(0);
  expect(isLow.lastIndexOf(true)).toBe(isLow.indexOf(false) - 1);
});

it('finds nothing where no run is long enough, and takes nothing then', () => {
  const source = sourceOf(freshBoot(64 * MIB));
  const before = source.freePages;
  expect(source.claimContiguous(33)).toBe(-1);
  expect(source.freePages).toBe(before);
});

it('gives out no page twice, and everything comes back', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(freshBoot(256 * MIB), fragmented(256 * MIB, 0.5, 3), aged(512 * MIB, 2)),
      fc.nat(20),
      fc.array(
        fc.oneof(fc.record({ blocks: fc.integer({ min: 1, max: 9 }) }), fc.record({ order: fc.nat(10) })),
        {
          maxLength: 40,
        },
      ),
      ({ reserved: _, ...memory }, seed, steps) => {
        const source = sourceOf(memory, seed);
        const before = source.freePages;
        const taken = new Set<number>();
        const chunks: { start: number; order: number }[] = [];
        for (const step of steps) {
          const pages = 'blocks' in step ? step.blocks * 512 : 1 << step.order;
          const start =
            'blocks' in step ? source.claimContiguous(step.blocks) : source.claim(step.order, 'Unmovable');
          if (start === -1) continue;
          for (let page: number = start; page < start + pages; page++) {
            expect(taken.has(page)).toBe(false);
            taken.add(page);
          }
          if ('order' in step) chunks.push({ start, order: step.order });
          else for (let at = 0; at < step.blocks; at++) chunks.push({ start: start + at * 512, order: 9 });
        }
        expect(source.freePages).toBe(before - taken.size);
        for (const { start, order } of chunks) source.giveBack(pfn(start), order);
        expect(source.freePages).toBe(before);
        const counted = memory.zones.reduce(
          (sum, zone) =>
            sum +
            MIGRATETYPES.reduce(
              (all, type) =>
                all +
                source
                  .freeChunks(zone.name, type)
                  .reduce((pages, count, order) => pages + count * 2 ** order, 0),
              0,
            ),
          0,
        );
        expect(counted).toBe(before);
      },
    ),
    { numRuns: randomRuns(60) },
  );
});

it('a run is the highest of whole blocks that are wanted in one zone, below 4 GiB if there is one', () => {
  // Blocks of 32 MiB: 4 GiB are 128 of them.
  const BLOCK = 8192;
  const [FIRST, LOW, END] = [116, 128, 140];
  const [zone] = oneZone({}).zones;
  const geometry = checkGeometry({
    ...x86Geometry(END * BLOCK),
    pagesPerBlock: BLOCK,
    spanPages: END * BLOCK,
  });
  const blocks = fc.array(
    fc.record({ isWhole: fc.constantFrom(true, true, true, false), isWanted: fc.boolean() }),
    { minLength: END - FIRST, maxLength: END - FIRST },
  );
  fc.assert(
    fc.property(
      blocks,
      fc.integer({ min: FIRST + 1, max: END - 1 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(LOW, END),
      (kinds, second, wanted, end) => {
        const zoneOf = (block: number) => Number(block >= second);
        const rams: PageRun[][] = [[], []];
        for (let block = FIRST; block < end; block++) {
          const pages = kinds[block - FIRST].isWhole ? BLOCK : BLOCK - 1;
          const ram = rams[zoneOf(block)];
          const [start, count] = ram.at(-1) ?? [0, 0];
          if (start + count === block * BLOCK) ram.splice(-1, 1, [start, count + pages]);
          else ram.push([block * BLOCK, pages]);
        }
        const zones = rams.map((ram, node) => ({ ...zone, node, ram }));
        const span = { ...geometry, spanPages: end * BLOCK };
        const map = new ZoneMap({ name: 'two zones', zones, directMap: [] }, span);
        const isWanted = (block: number) => block >= FIRST && kinds[block - FIRST].isWanted;
        const isRun = (first: number) =>
          first + wanted <= end &&
          Array.from({ length: wanted }, (_, each) => first + each).every(
            (block) => isWanted(block) && kinds[block - FIRST].isWhole && zoneOf(block) === zoneOf(first),
          );
        const runs = Array.from({ length: end - FIRST }, (_, each) => FIRST + each).filter(isRun);
        const low = runs.filter((first) => first + wanted <= LOW);
        expect(highestRun(map, wanted, isWanted)).toBe(low.at(-1) ?? runs.at(-1) ?? -1);
      },
    ),
  );
});

it('a run may begin with page 0, and is taken rather than one above 4 GiB', () => {
  const BLOCK = 8192;
  const [zone] = oneZone({}).zones;
  const zones = [{ ...zone, ram: [[0, BLOCK] as const, [130 * BLOCK, BLOCK] as const] }];
  const spanPages = 131 * BLOCK;
  const geometry = checkGeometry({ ...x86Geometry(spanPages), pagesPerBlock: BLOCK, spanPages });
  const map = new ZoneMap({ name: 'low and high', zones, directMap: [] }, geometry);
  expect(highestRun(map, 1, () => true)).toBe(0);
  expect(highestRun(map, 1, (block) => block > 0)).toBe(130);
  const source = sourceOf(exactly(2, [[9, 'Movable', '0']]));
  expect([source.claimContiguous(1), source.freePages, source.claimContiguous(1)]).toEqual([0, 0, -1]);
});

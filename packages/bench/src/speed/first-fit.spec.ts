import { InputError, type Request, x86Geometry } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { churn } from '../workloads/churn.ts';
import { compiler, FirstFitProgram } from './c-program.ts';
import { checksumOf, runCore, UNPLACED } from './core.ts';
import { logOf, type RequestLog, requestLog, type Wanted } from './request-log.ts';

const geometryOf = (pagesPerBlock: number, blocks: number) =>
  checkGeometry({ pageShift: 12, pagesPerBlock, blocksPerRegion: 512, spanPages: pagesPerBlock * blocks });

const allocate = (id: number, pages: number, align = 1): Wanted => ({ id, pages, align });
const free = (id: number): Wanted => ({ id, pages: 0, align: 0 });

/** Lists that allocate a little more often than they free, so that small pools fill up and run out. */
const logs: fc.Arbitrary<RequestLog> = fc
  .record({
    pagesPerBlock: fc.constantFrom(32, 64, 512),
    blocks: fc.integer({ min: 1, max: 9 }),
    steps: fc.array(
      fc.record({ frees: fc.double({ min: 0, max: 1, noNaN: true }), size: fc.nat(), align: fc.nat() }),
      { maxLength: 300 },
    ),
  })
  .map(({ pagesPerBlock, blocks, steps }) => {
    const wanted: Wanted[] = [];
    const live: number[] = [];
    let lastId = 0;
    for (const { frees, size, align } of steps) {
      if (frees < 0.45 && live.length > 0) {
        wanted.push(free(live.splice(Math.floor((frees / 0.45) * live.length), 1)[0]));
        continue;
      }
      live.push(++lastId);
      const most = [1, 4, 32, pagesPerBlock][size % 4];
      const orders = Math.log2(most) + 1;
      wanted.push(allocate(lastId, 1 + (Math.floor(size / 4) % most), 2 ** (align % orders)));
    }
    return requestLog(geometryOf(pagesPerBlock, blocks), wanted);
  });

describe('first fit alone', () => {
  it('takes the lowest place, claims the next block when there is none, and leaves what finds no room unplaced', () => {
    const log = requestLog(geometryOf(32, 2), [
      allocate(1, 20),
      allocate(2, 16, 16),
      allocate(3, 12),
      free(1),
      allocate(4, 1),
      allocate(5, 32, 32),
      free(5),
      allocate(6, 16, 16),
    ]);
    expect(runCore(log)).toMatchObject({
      placements: Uint32Array.of(0, 32, 20, 0, UNPLACED, 48),
      blocks: 2,
    });
  });

  it('has a checksum that tells two lists of placements apart', () => {
    expect(checksumOf(Uint32Array.of(1, 2))).not.toBe(checksumOf(Uint32Array.of(2, 1)));
    expect(checksumOf(new Uint32Array(0))).toBe('811c9dc5');
  });
});

describe('a request log', () => {
  it('refuses what is no request for contiguous pages of one block', () => {
    const [request] = churn.generate({ requests: 1, livePages: 64 }).requests;
    const changed = (change: object) => () => logOf([{ ...request, ...change } as Request], x86Geometry(512));
    expect(changed({ api: 'vmalloc' })).toThrow(InputError);
    expect(changed({ api: 'alloc_pages_exact', pages: 513 })).toThrow('request 0: 513 pages');
    expect(changed({ kind: 'map-user' })).toThrow('request 0: map-user');
  });
});

const cc = compiler();

describe.skipIf(cc === undefined)('first-fit.c (skipped where there is no gcc)', () => {
  let program: FirstFitProgram;
  beforeAll(() => {
    program = new FirstFitProgram(cc!);
  });
  afterAll(() => program?.remove());

  it('compiles without a warning', () => {
    expect(program.warnings).toBe('');
  });

  it('puts every allocation of a churning guest where TypeScript puts it', () => {
    const { requests } = churn.generate({ requests: 40_000, livePages: 8192, seed: 5 });
    const log = logOf(requests, x86Geometry(2 ** 14));
    program.write(log);
    const core = runCore(log);
    expect(program.run()).toMatchObject({
      requests: 40_000,
      checksum: checksumOf(core.placements),
      blocks: core.blocks,
    });
    expect(program.placements()).toEqual(core.placements);
  });

  it('does so for any requests, also when the memory runs out', () => {
    fc.assert(
      fc.property(logs, (log) => {
        program.write(log);
        expect(program.placements()).toEqual(runCore(log).placements);
      }),
      { numRuns: randomRuns(150) },
    );
  });

  it.each([
    [
      'an allocation that is named twice',
      [allocate(1, 1), free(1), allocate(1, 1)],
      'allocation 1 is named twice',
    ],
    ['a free of what is not allocated', [free(1)], 'freed while not live'],
    ['more pages than a block', [allocate(1, 33)], '33 pages in blocks of 32'],
    ['an alignment that is no power of two', [allocate(1, 4, 3)], 'an alignment of 3 pages'],
  ])('refuses %s', (_, wanted, message) => {
    program.write(requestLog(geometryOf(32, 2), wanted));
    expect(() => program.run()).toThrow(message);
  });
});

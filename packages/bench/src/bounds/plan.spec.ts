/** Plans made by hand: what they cost, and what it takes to carry them out. */
import { nanoseconds, platformNamed, type Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { ANYWHERE, type PageItem } from './items.ts';
import { type Moments, momentsOf } from './moments.ts';
import { type Packing, type Piece, planOf } from './plan.ts';
import { allocate, free } from './testing.ts';
import { replayPlan } from './testing-at-once.ts';

const P = 512;
const SNP = platformNamed('snp');
const item = (start: number, end: number, pages = P, align = pages): PageItem => ({
  ...{ pages, align, start, end, lifeNs: 0, place: ANYWHERE },
  ...{ mayConvertAtStart: true, mayConvertAtEnd: true },
});
const piece = (block: number, first = 0, pages = P): Piece => ({ block, first, pages });

describe('the cost of a packing', () => {
  /** Requests at these times. */
  const at = (...times: readonly number[]): Moments =>
    momentsOf(
      times.map((time, index) => free(index + 1, time)),
      [],
      Math.max(...times),
    );
  /** The moment of a request. */
  const of = (request: number) => 3 * request + 2;

  it('is of each block the time from its first item to the last that meets it, and again once it was empty', () => {
    const items = [item(0, 2), item(1, 3), item(4, 5)];
    const packing = items.map(({ pages }) => [piece(7, 0, pages)]);
    expect(planOf(items, packing, at(0, 1, 10, 20, 30, 45))).toEqual({
      packing,
      openings: [
        { block: 7, from: of(0), to: of(3) },
        { block: 7, from: of(4), to: of(5) },
      ],
      ...{ blocksPeak: 1, blockNs: 35n },
    });
  });

  it('is of a block that stays open if an item goes as the next one comes', () => {
    const items = [item(0, 2), item(2, 3)];
    const { openings, blockNs } = planOf(items, [[piece(0)], [piece(0)]], at(5, 6, 10, 20));
    expect(openings).toEqual([{ block: 0, from: of(0), to: of(3) }]);
    expect(blockNs).toBe(15n);
  });

  it('counts the blocks that are open at one time, however many pieces of an item lie in one', () => {
    const items = [item(0, 2, 6, 0), item(1, 3)];
    const packing = [[piece(0, 0, 2), piece(0, 9, 3), piece(1, 0, 1)], [piece(2)]];
    const { openings, blocksPeak, blockNs } = planOf(items, packing, at(0, 10, 30, 60));
    expect(openings.map(({ block }) => block)).toEqual([0, 1, 2]);
    expect([blocksPeak, blockNs]).toEqual([3, 30n + 30n + 50n]);
  });

  it('is nothing of no items, and goes on to the end of the trace if nothing is freed', () => {
    expect(planOf([], [], at(0, 1))).toMatchObject({ openings: [], blocksPeak: 0, blockNs: 0n });
    const moments = momentsOf([free(1, 3), free(2, 10)], [], 50);
    expect(planOf([item(1, 2)], [[piece(0)]], moments)).toMatchObject({ blocksPeak: 1, blockNs: 40n });
  });
});

describe('a pool', () => {
  /** 32 blocks. */
  const memory = freshBoot(2 ** 26);
  const carriedOut = (requests: readonly Request[], items: readonly PageItem[], packing: Packing) => {
    const moments = momentsOf(requests, items, requests.at(-1)?.time ?? 0);
    const plan = planOf(items, packing, moments);
    const { blocksPeak, blockNs } = replayPlan(items, plan, moments, memory, SNP);
    expect([blocksPeak, blockNs]).toEqual([plan.blocksPeak, plan.blockNs]);
    return blocksPeak;
  };

  it('gives back each block of a plan once it is empty, so that a small memory is enough for many', () => {
    const uses = Array.from({ length: 40 }, (_, at) => at);
    const requests = uses.flatMap((at) => [
      allocate(at + 1, P, { time: 20 * at }),
      free(at + 1, 20 * at + 10),
    ]);
    const items = uses.map((at) => item(2 * at, 2 * at + 1));
    expect(
      carriedOut(
        requests,
        items,
        uses.map((at) => [piece(at)]),
      ),
    ).toBe(1);
  });

  it('claims no more than the blocks of a plan: 18 of the 32 that there are', () => {
    const uses = Array.from({ length: 18 }, (_, at) => at);
    const requests = uses.map((at) => allocate(at + 1, P, { time: at }));
    const items = uses.map((at) => item(at, requests.length));
    expect(
      carriedOut(
        requests,
        items,
        uses.map((at) => [piece(at)]),
      ),
    ).toBe(18);
  });

  it('claims two blocks together for an item that spans them, until both are empty', () => {
    // The tail of the second block is used longer than the item.
    const uses = Array.from({ length: 20 }, (_, at) => at);
    const requests = uses.flatMap((at) => [
      allocate(2 * at + 1, 600, { time: 100 * at }),
      allocate(2 * at + 2, 256, { time: 100 * at + 10 }),
      free(2 * at + 1, 100 * at + 20),
      free(2 * at + 2, 100 * at + 30),
    ]);
    const items = uses.flatMap((at) => [
      item(4 * at, 4 * at + 2, 600, 1024),
      item(4 * at + 1, 4 * at + 3, 256),
    ]);
    const packing = uses.flatMap((at) => [
      [piece(2 * at), piece(2 * at + 1, 0, 88)],
      [piece(2 * at + 1, 256, 256)],
    ]);
    expect(carriedOut(requests, items, packing)).toBe(2);
  });

  describe('says that it is a defect', () => {
    const requests = [allocate(1, P), free(1, 10)];
    const moments = momentsOf(requests, [], 10);
    const items = [item(0, 1)];
    const plan = planOf(items, [[piece(0)]], moments);

    it('if a request is not the one that the plan is for', () => {
      for (const other of [[item(1, 2)], [item(0, 1, 256)]])
        expect(() => replayPlan(other, plan, moments, memory, SNP)).toThrow(
          'a defect: request 0 for 512 pages is not in the offline plan',
        );
    });

    it('if the plan gives a request no pages', () => {
      const inPieces = [item(0, 1, P, 0)];
      expect(() => replayPlan(inPieces, { ...plan, packing: [[]] }, moments, memory, SNP)).toThrow(
        'it got 0 of 512 pages',
      );
    });

    it('if a block is used that is not shared', () => {
      expect(() => replayPlan(items, { ...plan, openings: [] }, moments, memory, SNP)).toThrow(
        'a defect: block 0 of the offline plan is not shared',
      );
    });

    it('if there is no memory for a block', () => {
      const many = Array.from({ length: 40 }, (_, at) => allocate(at + 1, P, { time: nanoseconds(at) }));
      const all = many.map((_, at) => item(at, many.length));
      const of = momentsOf(many, all, 39);
      const large = planOf(
        all,
        all.map((_, at) => [piece(at)]),
        of,
      );
      expect(() => replayPlan(all, large, of, memory, SNP)).toThrow(
        /^a defect: no memory for block \d+ of the offline plan$/,
      );
    });
  });
});

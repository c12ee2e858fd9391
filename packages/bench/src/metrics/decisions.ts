import { TYPE } from '@decpool/model';
import { eventSet, forEachBlock } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Simulated ns after which a decision is judged: the usual window of the supply `demand`. */
const HORIZON_NS = 10e9;
const SECONDS = HORIZON_NS / 1e9;

/**
 * Whether it was right to return memory or to keep it, judged by what came after, as TCMalloc's skip-subrelease does. A return
 * was wrong if as much was claimed again soon; keeping an empty block was wrong if nobody used it soon.
 */
export const decisionMetrics = metricFamily({
  group: 'Decisions to return or keep memory',
  metrics: {
    'returned-pages': {
      label: 'pages returned',
      unit: 'pages',
      better: 'neutral',
      shown: 'on-request',
      formula: `pages returned to the page allocator and judged: ${SECONDS} s have passed, or a claim came before`,
    },
    'returns-wrong': {
      label: 'pages returned too early',
      unit: 'percent',
      shown: 'on-request',
      formula: `share of the pages returned for which as many pages were claimed again within ${SECONDS} s; 0 if none was returned`,
    },
    'blocks-kept': {
      label: 'empty blocks kept',
      better: 'neutral',
      shown: 'on-request',
      formula: `times that a 2 MiB block ran empty and stayed claimed, and was judged: ${SECONDS} s have passed, or the block was used or returned before`,
    },
    'keeps-wrong': {
      label: 'empty blocks kept for nothing',
      unit: 'percent',
      shown: 'on-request',
      formula: `share of the empty blocks kept that nothing was allocated in within ${SECONDS} s, returned or not; 0 if none was kept`,
    },
  },
  measure: ({ geometry }) => {
    const returns = new Returns();
    const keeps = new Keeps(geometry.spanPages / geometry.pagesPerBlock, geometry.pagesPerBlock);
    return {
      sees: eventSet('pages-claimed', 'pages-returned', 'pages-allocated', 'pages-freed'),
      observe(batch, row) {
        const pages = batch.pagesAt(row);
        returns.judge(batch.timeAt(row));
        keeps.judge(batch.timeAt(row));
        switch (batch.typeAt(row)) {
          case TYPE.pagesClaimed:
            returns.claimed(pages);
            break;
          case TYPE.pagesReturned:
            returns.returned(batch.timeAt(row), pages);
            keeps.returned(batch.timeAt(row), batch.pfnAt(row), pages);
            break;
          case TYPE.pagesAllocated:
            keeps.allocated(batch.pfnAt(row), pages);
            break;
          case TYPE.pagesFreed:
            keeps.freed(batch.timeAt(row), batch.pfnAt(row), pages);
            break;
        }
      },
      values: ({ time }) => {
        returns.judge(time);
        keeps.judge(time);
        return {
          'returned-pages': returns.judged,
          'returns-wrong': percent(returns.wrong, returns.judged),
          'blocks-kept': keeps.judged,
          'keeps-wrong': percent(keeps.wrong, keeps.judged),
        };
      },
    };
  },
});

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

/** Pages that went back, oldest first, until they are judged. */
class Returns {
  #open: { time: number; pages: number }[] = [];
  /** Index of the oldest that is open: shifting an array is slow. */
  #first = 0;
  judged = 0;
  wrong = 0;

  returned(time: number, pages: number): void {
    this.#open.push({ time, pages });
  }

  /** A claim would have found the pages that went back last. */
  claimed(pages: number): void {
    for (let left = pages; left > 0 && this.#open.length > this.#first; ) {
      const last = this.#open[this.#open.length - 1];
      const taken = Math.min(left, last.pages);
      left -= taken;
      last.pages -= taken;
      this.judged += taken;
      this.wrong += taken;
      if (last.pages === 0) this.#open.pop();
    }
  }

  judge(now: number): void {
    while (this.#first < this.#open.length && this.#open[this.#first].time + HORIZON_NS < now) {
      this.judged += this.#open[this.#first].pages;
      this.#first++;
    }
    if (this.#first < 1024 || 2 * this.#first < this.#open.length) return;
    this.#open = this.#open.slice(this.#first);
    this.#first = 0;
  }
}

/** Blocks that are empty and claimed, by when they ran empty. */
class Keeps {
  readonly #pagesPerBlock: number;
  readonly #used: Uint16Array;
  /** When each empty block ran empty, oldest first. */
  readonly #emptySince = new Map<number, number>();
  judged = 0;
  wrong = 0;

  constructor(blocks: number, pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#used = new Uint16Array(blocks);
  }

  allocated(start: number, pages: number): void {
    forEachBlock(start, pages, this.#pagesPerBlock, (block, count) => {
      this.#used[block] += count;
      if (this.#emptySince.has(block)) this.#decide(block, false);
    });
  }

  freed(time: number, start: number, pages: number): void {
    forEachBlock(start, pages, this.#pagesPerBlock, (block, count) => {
      this.#used[block] -= count;
      if (this.#used[block] === 0) this.#emptySince.set(block, time);
    });
  }

  returned(time: number, start: number, pages: number): void {
    forEachBlock(start, pages, this.#pagesPerBlock, (block) => {
      const since = this.#emptySince.get(block);
      // Given back as soon as it ran empty: it was not kept at all.
      if (since === time) this.#emptySince.delete(block);
      else if (since !== undefined) this.#decide(block, true);
    });
  }

  judge(now: number): void {
    for (const [block, since] of this.#emptySince) {
      if (since + HORIZON_NS >= now) return;
      this.#decide(block, true);
    }
  }

  #decide(block: number, isWrong: boolean): void {
    this.#emptySince.delete(block);
    this.judged++;
    if (isWrong) this.wrong++;
  }
}

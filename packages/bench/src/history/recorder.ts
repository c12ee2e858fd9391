/**
 * Records what a run's blocks and counts were at its frames, from its events alone: those of a pool that is running, or of
 * a log. Memory goes with the blocks that were touched; work at the end of a frame with those that changed in it.
 */
import { type EventBatch, type LogHeader, TYPE } from '@decpool/model';
import { ByOwner } from '../metrics/by-owner.ts';
import { BlockPages, CLAIMED, LEAKED, SHARED, UNKNOWN } from './block-pages.ts';
import { BlockSurvey } from './block-survey.ts';
import { ChangeRows } from './change-rows.ts';
import { FEWEST_STEPS, finestStride, stepsOf } from './frames.ts';
import { ORDERS } from './free-chunks.ts';
import { Holders } from './holders.ts';
import { IdlePeak } from './idle-peak.ts';
import { coarserValues, type FrameValues, type RunRecording, sizeOf } from './recording.ts';
import { mappedAtBoot, mappingsAtBoot } from './starting-map.ts';
import { BLOCK_MAPPINGS, BLOCK_STATES, type BlockState, MOST_PINS } from './types.ts';

/** Frames are merged when they have come to more than this: see sizeOf(). */
const MOST_ROWS = 400_000;

const codeOf = (state: BlockState): number => BLOCK_STATES.indexOf(state);
const SPLIT = BLOCK_MAPPINGS.indexOf('split');

/**
 * Events that each stand for one request, whatever became of it. Their numbers would not do: a request that a policy refused
 * has others behind it that take none, so one number is not the same request under every policy.
 */
const IS_REQUEST: readonly boolean[] = Object.values(TYPE).map((type) =>
  (
    [
      TYPE.allocationRequested,
      TYPE.freeRequested,
      TYPE.userMapped,
      TYPE.userUnmapped,
      TYPE.backgroundAllocated,
      TYPE.backgroundFailed,
      TYPE.backgroundFreed,
      TYPE.requestSkipped,
    ] as number[]
  ).includes(type),
);

export class RunRecorder {
  readonly #pagesPerBlock: number;
  readonly #pageBytes: number;
  readonly #blocksPerRegion: number;
  readonly #requests: number;
  readonly #mostRows: number;
  readonly #atBoot: Uint8Array;
  readonly #blocks: (BlockPages | undefined)[];
  readonly #changed: BlockPages[] = [];
  readonly #holders = new Holders();
  readonly #survey: BlockSurvey;
  readonly #idle: IdlePeak;
  readonly #byOwner = new ByOwner();
  readonly #owners: string[] = [];
  /** Owner of each allocation, by its id. */
  #ownerOf = new Uint16Array(1024);
  #values: FrameValues;
  #stride: number;
  #done = 0;
  #events = 0;
  #time = 0;
  #splits2M = 0;
  #splits1G = 0;
  #failedRequests = 0;
  readonly #mapped: [bytes4K: number, bytes2M: number, bytes1G: number];
  #sharedBlocks = 0;
  #mixedBlocks = 0;
  /** The most since the frame before. */
  #sharedPeak = 0;
  #mixedPeak = 0;

  /** `requests`: of the whole run, of every kind. `mostRows` for specs. */
  constructor(header: LogHeader, requests: number, mostRows = MOST_ROWS) {
    const { pagesPerBlock, blocksPerRegion, pageShift, spanPages } = header.geometry;
    const blocks = spanPages / pagesPerBlock;
    this.#pagesPerBlock = pagesPerBlock;
    this.#blocksPerRegion = blocksPerRegion;
    this.#pageBytes = 2 ** pageShift;
    this.#requests = requests;
    this.#mostRows = mostRows;
    this.#stride = finestStride(requests);
    this.#atBoot = mappingsAtBoot(header);
    this.#blocks = new Array(blocks).fill(undefined);
    this.#survey = new BlockSurvey(blocks, pagesPerBlock, this.#holders);
    this.#idle = new IdlePeak(pageShift);
    this.#mapped = mappedAtBoot(header);
    this.#values = emptyValues(this.#atBoot);
  }

  /** Takes the events that come next. */
  observe(batch: EventBatch): void {
    this.#byOwner.observe(batch);
    for (let row = 0; row < batch.length; row++) {
      const time = batch.timeAt(row);
      const type = batch.typeAt(row);
      if (time > this.#time) this.#idle.moveTo(time);
      if (IS_REQUEST[type]) this.#beginRequest();
      // An owner gets its number before the request that names it, so this is no event of the frame that is ending.
      if (type !== TYPE.ownerRegistered) this.#time = time;
      this.#take(batch, row);
      this.#idle.observe(batch, row);
    }
    this.#events += batch.length;
  }

  /** Ends the recording. Frames that the events did not get to are as the last. */
  finish(): RunRecording {
    this.#idle.endInstant();
    while (this.#values.times.length <= stepsOf(this.#requests, this.#stride)) this.#endFrame();
    return {
      stride: this.#stride,
      values: this.#values,
      events: this.#events,
      owners: this.#owners,
      byOwner: this.#byOwner.figures(),
    };
  }

  /** Only an event of the next request tells that those of a frame are over; what a worker does in between is theirs. */
  #beginRequest(): void {
    const end = this.#values.times.length * this.#stride;
    if (this.#done === end && end < this.#requests) this.#endFrame();
    this.#done++;
  }

  #take(batch: EventBatch, row: number): void {
    const pfn = batch.pfnAt(row);
    switch (batch.typeAt(row)) {
      case TYPE.ownerRegistered:
        this.#owners[batch.ownerAt(row)] = batch.names().get(row) ?? '';
        break;
      case TYPE.allocationRequested:
        this.#remember(batch.allocationAt(row), batch.ownerAt(row));
        break;
      case TYPE.allocationFailed:
        this.#failedRequests++;
        break;
      case TYPE.pagesClaimed:
        this.#mark(pfn, batch.pagesAt(row), CLAIMED, 0);
        break;
      case TYPE.pagesReturned:
        this.#mark(pfn, batch.pagesAt(row), 0, CLAIMED);
        break;
      case TYPE.pagesDecrypted:
      case TYPE.vmAreaDecrypted:
        this.#mark(pfn, batch.pagesAt(row), SHARED, UNKNOWN);
        break;
      case TYPE.pagesEncrypted:
      case TYPE.vmAreaEncrypted:
        this.#mark(pfn, batch.pagesAt(row), 0, SHARED | UNKNOWN);
        break;
      case TYPE.conversionFailed:
        this.#mark(pfn, batch.pagesAt(row), UNKNOWN, SHARED);
        break;
      case TYPE.pagesLeaked:
        this.#mark(pfn, batch.pagesAt(row), LEAKED, 0);
        break;
      case TYPE.pagesAllocated: {
        const owner = this.#ownerOf[batch.allocationAt(row)];
        this.#hold(pfn, batch.pagesAt(row), this.#holders.add(owner, this.#time));
        break;
      }
      case TYPE.pagesFreed:
        this.#holders.remove(this.#holderAt(pfn));
        this.#hold(pfn, batch.pagesAt(row), 0);
        break;
      case TYPE.slabCreated:
        this.#slabCreated(batch, row);
        break;
      case TYPE.largePageSplit:
        this.#split(pfn, batch.codeAt(row));
        break;
      case TYPE.largePageRestored: {
        this.#touch(Math.floor(pfn / this.#pagesPerBlock)).isSplit = false;
        this.#remap(1, 2, this.#pagesPerBlock);
        break;
      }
    }
  }

  #remember(allocation: number, owner: number): void {
    if (allocation >= this.#ownerOf.length) {
      const grown = new Uint16Array(2 * allocation);
      grown.set(this.#ownerOf);
      this.#ownerOf = grown;
    }
    this.#ownerOf[allocation] = owner;
  }

  /** A slab's pages are the cache's from then on; those of the bounce buffers were nobody's until then. */
  #slabCreated(batch: EventBatch, row: number): void {
    const [pfn, cache] = [batch.pfnAt(row), batch.ownerAt(row)];
    if (batch.allocationAt(row) === 0) {
      this.#hold(pfn, batch.pagesAt(row), this.#holders.add(cache, this.#time));
      return;
    }
    this.#holders.change(this.#holderAt(pfn), cache, this.#time);
    this.#eachBlock(pfn, batch.pagesAt(row), () => {});
  }

  #split(pfn: number, level: number): void {
    if (level === 3) {
      this.#splits1G++;
      this.#remap(3, 2, this.#pagesPerBlock * this.#blocksPerRegion);
      return;
    }
    this.#splits2M++;
    this.#touch(Math.floor(pfn / this.#pagesPerBlock)).isSplit = true;
    this.#remap(2, 1, this.#pagesPerBlock);
  }

  #remap(from: 1 | 2 | 3, to: 1 | 2 | 3, pages: number): void {
    this.#mapped[from - 1] -= pages * this.#pageBytes;
    this.#mapped[to - 1] += pages * this.#pageBytes;
  }

  #holderAt(pfn: number): number {
    const block = Math.floor(pfn / this.#pagesPerBlock);
    return this.#blocks[block]?.holder[pfn - block * this.#pagesPerBlock] ?? 0;
  }

  #touch(block: number): BlockPages {
    let pages = this.#blocks[block];
    if (pages === undefined) {
      pages = new BlockPages(block, this.#pagesPerBlock, ORDERS);
      this.#blocks[block] = pages;
    }
    if (!pages.hasChanged) {
      pages.hasChanged = true;
      this.#changed.push(pages);
    }
    return pages;
  }

  #eachBlock(
    start: number,
    pages: number,
    change: (block: BlockPages, from: number, to: number) => void,
  ): void {
    const size = this.#pagesPerBlock;
    for (let at = start, end = start + pages; at < end; ) {
      const block = Math.floor(at / size);
      const from = at - block * size;
      const to = Math.min(size, from + end - at);
      change(this.#touch(block), from, to);
      at += to - from;
    }
  }

  #hold(start: number, pages: number, holder: number): void {
    this.#eachBlock(start, pages, (block, from, to) => {
      block.holder.fill(holder, from, to);
      block.used += holder === 0 ? from - to : to - from;
    });
  }

  #mark(start: number, pages: number, set: number, clear: number): void {
    this.#eachBlock(start, pages, (block, from, to) => {
      const before = block.exposed;
      block.mark(from, to, set, clear);
      const after = block.exposed;
      if (after === before) return;
      if (before === 0) block.since = this.#time;
      else if (after === 0) block.since = -1;
      const size = this.#pagesPerBlock;
      this.#sharedBlocks += Number(after > 0) - Number(before > 0);
      this.#mixedBlocks += Number(after > 0 && after < size) - Number(before > 0 && before < size);
    });
    this.#sharedPeak = Math.max(this.#sharedPeak, this.#sharedBlocks);
    this.#mixedPeak = Math.max(this.#mixedPeak, this.#mixedBlocks);
  }

  #endFrame(): void {
    const frame = this.#values.times.length;
    for (const block of this.#changed) {
      this.#survey.settle(block);
      block.hasChanged = false;
      this.#addRow(block, frame);
    }
    this.#changed.length = 0;
    this.#addValues();
    const isPairDone = frame % 2 === 0 && frame > 0;
    if (isPairDone && sizeOf(this.#values) > this.#mostRows) this.#mergeFrames();
  }

  #mergeFrames(): void {
    if (stepsOf(this.#requests, this.#stride) <= FEWEST_STEPS) return;
    this.#values = coarserValues(this.#values);
    this.#stride *= 2;
  }

  #addRow(block: BlockPages, frame: number): void {
    const { owners, pages } = block.settled;
    const pinOwner = owners.slice(0, MOST_PINS);
    this.#values.changes.add({
      block: block.block,
      frame,
      state: this.#stateOf(block),
      mapping: this.#mappingOf(block),
      sharedPages: block.exposed,
      usedPages: block.used,
      since: block.since,
      pinOwner,
      pinPages: pages.slice(0, MOST_PINS),
      pinSince: pinOwner.map((owner) => this.#survey.oldestOf(owner)),
      morePins: owners.length - pinOwner.length,
    });
  }

  #stateOf({ unknown, leaked, shared, used }: BlockPages): number {
    if (unknown > 0 || leaked > 0) return codeOf('unknown');
    if (shared === 0) return codeOf('private');
    if (shared < this.#pagesPerBlock) return codeOf('mixed');
    return codeOf(used > 0 ? 'used' : 'idle');
  }

  #mappingOf({ block, isSplit }: BlockPages): number {
    return isSplit ? SPLIT : this.#atBoot[block];
  }

  #addValues(): void {
    const { times, series, occupancy, longestFree, freeByOrder, holds } = this.#values;
    times.push(this.#time);
    series.splits2M.push(this.#splits2M);
    series.splits1G.push(this.#splits1G);
    series.failedRequests.push(this.#failedRequests);
    series.directMap4k.push(this.#mapped[0]);
    series.directMap2M.push(this.#mapped[1]);
    series.directMap1G.push(this.#mapped[2]);
    series.sharedIdleBytes.push(this.#idle.take());
    series.liveBytes.push(this.#idle.liveBytes);
    series.sharedBlocks.push(Math.max(this.#sharedPeak, this.#sharedBlocks));
    series.mixedBlocks.push(Math.max(this.#mixedPeak, this.#mixedBlocks));
    this.#sharedPeak = 0;
    this.#mixedPeak = 0;
    occupancy.push([...this.#survey.occupancy]);
    longestFree.push([...this.#survey.longestFree]);
    freeByOrder.push([...this.#survey.free.counts]);
    holds.push(this.#survey.holds.snapshot());
  }
}

const emptyValues = (atBoot: Uint8Array): FrameValues => ({
  times: [],
  series: {
    splits2M: [],
    splits1G: [],
    failedRequests: [],
    directMap4k: [],
    directMap2M: [],
    directMap1G: [],
    sharedIdleBytes: [],
    liveBytes: [],
    sharedBlocks: [],
    mixedBlocks: [],
  },
  occupancy: [],
  longestFree: [],
  freeByOrder: [],
  holds: [],
  changes: new ChangeRows(atBoot),
});

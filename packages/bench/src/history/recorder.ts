/** Records the blocks and counts of a run at its frames, from its events. A frame costs as much as blocks changed in it. */
import {
  type BlockIndex,
  type BlockView,
  blockIndex,
  Columns,
  type EventBatch,
  type LogHeader,
  machineOf,
  type StateView,
  TYPE,
} from '@decpool/model';
import { CHANGES_BLOCK, IS_REQUEST, Pins, RunProjections } from '@decpool/model/internal';
import { BlockSurvey } from './block-survey.ts';
import { mappingsAtBoot } from './blocks-at-boot.ts';
import { FEWEST_STEPS, finestStride, stepsOf } from './frames.ts';
import { coarserValues, emptyValues, type FrameValues, type RunRecording, sizeOf } from './recording.ts';
import { BLOCK_MAPPINGS, BLOCK_STATES, type BlockState, PINS_KEPT } from './types.ts';

/** Frames are merged if they have more rows than this: see sizeOf(). */
const ROW_LIMIT = 400_000;

const SPLIT = BLOCK_MAPPINGS.indexOf('split');

export class RunRecorder {
  readonly #columns: Columns;
  readonly #view: StateView;
  readonly #pagesPerBlock: number;
  readonly #requests: number;
  readonly #mostRows: number;
  /** Mapping of each block at boot, as an index of BLOCK_MAPPINGS. */
  readonly #atBoot: Uint8Array;
  /** Blocks that changed since the frame before. */
  readonly #changed = new Set<BlockIndex>();
  readonly #survey: BlockSurvey;
  readonly #projections: RunProjections;
  readonly #pins: Pins;
  #values: FrameValues;
  #stride: number;
  #done = 0;
  #time = 0;

  /** `requests`: of the whole run, of every kind. `mostRows` for specs. */
  constructor(header: LogHeader, requests: number, mostRows = ROW_LIMIT) {
    this.#columns = new Columns(machineOf(header), header.memory.directMap);
    this.#view = this.#columns.view();
    const { blocks, geometry } = this.#view;
    this.#pagesPerBlock = geometry.pagesPerBlock;
    this.#requests = requests;
    this.#mostRows = mostRows;
    this.#stride = finestStride(requests);
    this.#atBoot = mappingsAtBoot(this.#view);
    this.#survey = new BlockSurvey(blocks, geometry.pagesPerBlock);
    this.#projections = new RunProjections(header);
    this.#pins = new Pins(geometry.pagesPerBlock, this.#projections.owners);
    this.#values = emptyValues(this.#atBoot);
  }

  /** Takes the events that come next. Throws InvariantError if one cannot have happened. */
  observe(batch: EventBatch): void {
    let from = 0;
    for (let row = 0; row < batch.length; row++) {
      if (!IS_REQUEST[batch.typeAt(row)]) continue;
      // Only an event of the next request tells that those of a frame are over; what a worker does in between is theirs.
      const end = this.#values.times.length * this.#stride;
      if (this.#done === end && end < this.#requests) {
        this.#fold(batch.slice(from, row));
        from = row;
        this.#projections.idle.moveTo(batch.timeAt(row));
        this.#endFrame();
      }
      this.#done++;
    }
    this.#fold(batch.slice(from, batch.length));
  }

  /** Ends the recording. Frames that the events did not get to are as the last. */
  finish(): RunRecording {
    this.#projections.idle.endInstant();
    while (this.#values.times.length <= stepsOf(this.#requests, this.#stride)) this.#endFrame();
    return {
      stride: this.#stride,
      values: this.#values,
      events: this.#columns.counters.events,
      owners: this.#columns.owners,
      byOwner: this.#projections.splits.figures(),
    };
  }

  #fold(events: EventBatch): void {
    this.#columns.fold(events);
    for (let row = 0; row < events.length; row++) {
      const type = events.typeAt(row);
      // An owner gets its number before the request that names it, so this is no event of the frame that is ending.
      if (type !== TYPE.ownerRegistered) this.#time = events.timeAt(row);
      this.#projections.observe(events, row);
      this.#pins.observe(events, row);
      if (CHANGES_BLOCK[type]) this.#change(events.pfnAt(row), events.pagesAt(row));
    }
  }

  /** Notes the blocks of an event; one about an entry of the direct map has no pages. */
  #change(start: number, pages: number): void {
    const size = this.#pagesPerBlock;
    const end = start + Math.max(1, pages);
    for (let block = Math.floor(start / size); block * size < end; block++)
      this.#changed.add(blockIndex(block));
  }

  #endFrame(): void {
    const frame = this.#values.times.length;
    for (const block of this.#changed) this.#addRow(block, frame);
    this.#changed.clear();
    this.#addValues();
    const isPairDone = frame % 2 === 0 && frame > 0;
    if (!isPairDone || sizeOf(this.#values) <= this.#mostRows) return;
    if (stepsOf(this.#requests, this.#stride) <= FEWEST_STEPS) return;
    this.#values = coarserValues(this.#values);
    this.#stride *= 2;
  }

  #addRow(block: BlockIndex, frame: number): void {
    const view = this.#view;
    const found = view.block(block);
    const holders = this.#pins.of(block);
    this.#survey.settle(block, found, view.freeRuns(block), holders);
    const pins = holders.slice(0, PINS_KEPT);
    this.#values.changes.add({
      block,
      frame,
      state: BLOCK_STATES.indexOf(stateOf(found, this.#pagesPerBlock)),
      mapping: view.wasSplit(block) ? SPLIT : this.#atBoot[block],
      sharedPages: found.shared + found.unknown,
      usedPages: found.allocated,
      since: this.#projections.blocks.since(block),
      pinOwner: pins.map(({ owner }) => owner),
      pinPages: pins.map(({ pages }) => pages),
      pinSince: pins.map(({ since }) => since),
      morePins: holders.length - pins.length,
    });
  }

  #addValues(): void {
    const { times, series, occupancy, longestFree, freeByOrder, holds } = this.#values;
    const { counters, geometry } = this.#columns;
    const { blocks, idle, splits } = this.#projections;
    const atBoot = splits.ofBootPool;
    const pageBytes = 2 ** geometry.pageShift;
    const peaks = blocks.takePeaks();
    times.push(this.#time);
    series.splits2M.push(counters.splits2M - atBoot['2M']);
    series.splits1G.push(counters.splits1G - atBoot['1G']);
    series.failedRequests.push(counters.failedRequests);
    series.directMap4k.push(counters.mapped4KPages * pageBytes);
    series.directMap2M.push(counters.mapped2MPages * pageBytes);
    series.directMap1G.push(counters.mapped1GPages * pageBytes);
    series.sharedIdleBytes.push(idle.takePeakBytes());
    series.liveBytes.push(idle.liveBytes);
    series.sharedBlocks.push(peaks.shared);
    series.mixedBlocks.push(peaks.mixed);
    occupancy.push([...this.#survey.occupancy]);
    longestFree.push([...this.#survey.longestFree]);
    freeByOrder.push([...this.#survey.free.counts]);
    holds.push(this.#survey.holds.snapshot());
  }
}

function stateOf({ unknown, leaked, shared, allocated }: BlockView, pagesPerBlock: number): BlockState {
  if (unknown > 0 || leaked > 0) return 'unknown';
  if (shared === 0) return 'private';
  if (shared < pagesPerBlock) return 'mixed';
  return allocated > 0 ? 'used' : 'idle';
}

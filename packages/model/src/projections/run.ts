/** The projections that are read of every run. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import type { LogHeader } from '../log/header.ts';
import { BootPoolEvents, isBootSlab } from './boot-pool.ts';
import { Causes } from './causes.ts';
import { Owners } from './owners.ts';
import type { Projection } from './projection.ts';
import { SharedBlocks } from './shared-blocks.ts';
import { SharedIdle } from './shared-idle.ts';
import { SplitsByOwner } from './splits.ts';

/** The parts of RunProjections that somebody can read. */
export type RunPart = 'splits' | 'blocks' | 'idle';

export class RunProjections implements Projection {
  readonly owners = new Owners();
  readonly causes: Causes;
  /** These leave out boot pools that are apart: BootPoolEvents. */
  readonly splits: SplitsByOwner;
  readonly blocks: SharedBlocks;
  readonly idle: SharedIdle;

  readonly #bootPool: BootPoolEvents;
  readonly #withoutBootPool: Projection;
  readonly #all: readonly Projection[];

  constructor(header: Pick<LogHeader, 'geometry' | 'platform' | 'swiotlb' | 'atomicPools'>) {
    this.#bootPool = new BootPoolEvents(header);
    this.causes = new Causes(this.owners, this.#bootPool);
    this.splits = new SplitsByOwner(this.causes, this.owners);
    this.blocks = new SharedBlocks(header.geometry);
    this.idle = new SharedIdle(header.geometry.pageShift);
    this.#withoutBootPool = withoutBootPool(this.blocks, this.#bootPool, header.platform.confidential);
    this.#all = this.projections(['splits', 'blocks', 'idle']);
  }

  observe(batch: EventBatch, row: number): void {
    for (const projection of this.#all) projection.observe(batch, row);
  }

  /** What has to see the events for these parts, in order. */
  projections(parts: readonly RunPart[]): readonly Projection[] {
    const { owners, causes, splits, blocks, idle } = this;
    return [
      this.#bootPool,
      ...(parts.includes('splits') ? [owners, causes, splits] : []),
      ...(parts.includes('blocks') ? [blocks, this.#withoutBootPool] : []),
      ...(parts.includes('idle') ? [idle] : []),
    ];
  }
}

/** A boot pool that could not be converted is leaked, or private again: no peak of it stays. */
const withoutBootPool = (
  blocks: SharedBlocks,
  bootPool: BootPoolEvents,
  isConfidential: boolean,
): Projection => ({
  get isDone() {
    return bootPool.isDone;
  },
  observe(batch, row) {
    if (!bootPool.isCurrent) return;
    const isPool = isBootSlab(batch, row) || batch.typeAt(row) === TYPE.atomicPoolGrown;
    const isGone = isPool || batch.typeAt(row) === TYPE.pagesLeaked;
    if (isGone && isConfidential) blocks.leaveOut(batch.pfnAt(row), batch.pagesAt(row));
    blocks.restartPeaks();
  },
});

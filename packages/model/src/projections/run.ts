/** The projections that are read of every run. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import type { LogHeader } from '../log/header.ts';
import { BootPoolEvents, isBootPoolApart, isBootSlab } from './boot-pool.ts';
import { Causes } from './causes.ts';
import { Owners } from './owners.ts';
import type { Projection } from './projection.ts';
import { SharedBlocks } from './shared-blocks.ts';
import { SharedIdle } from './shared-idle.ts';
import { SplitsByOwner } from './splits.ts';

export class RunProjections implements Projection {
  readonly owners = new Owners();
  readonly causes: Causes;
  /** These leave out a boot pool that is apart: isBootPoolApart(). */
  readonly splits: SplitsByOwner;
  readonly blocks: SharedBlocks;
  readonly idle: SharedIdle;

  readonly #bootPool: BootPoolEvents;
  readonly #isConfidential: boolean;

  constructor(header: Pick<LogHeader, 'geometry' | 'platform' | 'swiotlb'>) {
    this.#bootPool = new BootPoolEvents(header);
    this.#isConfidential = header.platform.confidential;
    this.causes = new Causes(this.owners, header);
    this.splits = new SplitsByOwner(this.causes, this.owners);
    this.blocks = new SharedBlocks(header.geometry);
    this.idle = new SharedIdle(header.geometry.pageShift, isBootPoolApart(header));
  }

  observe(batch: EventBatch, row: number): void {
    this.#bootPool.observe(batch, row);
    this.owners.observe(batch, row);
    this.causes.observe(batch, row);
    this.splits.observe(batch, row);
    this.blocks.observe(batch, row);
    if (this.#bootPool.isCurrent) this.#leaveOutBootPool(batch, row);
    this.idle.observe(batch, row);
  }

  /** A boot pool that could not be converted is leaked, or private again: no peak of it stays. */
  #leaveOutBootPool(batch: EventBatch, row: number): void {
    const isGone = isBootSlab(batch, row) || batch.typeAt(row) === TYPE.pagesLeaked;
    if (isGone && this.#isConfidential) this.blocks.leaveOut(batch.pfnAt(row), batch.pagesAt(row));
    this.blocks.restartPeaks();
  }
}

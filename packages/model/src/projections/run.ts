/** The projections that are read of every run. */
import type { EventBatch } from '../events/batch.ts';
import type { LogHeader } from '../log/header.ts';
import { isBootPoolApart, isBootSlab } from './boot-pool.ts';
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

  readonly #isBootPoolApart: boolean;
  readonly #isConfidential: boolean;

  constructor(header: Pick<LogHeader, 'geometry' | 'platform' | 'swiotlb'>) {
    this.#isBootPoolApart = isBootPoolApart(header);
    this.#isConfidential = header.platform.confidential;
    this.causes = new Causes(this.owners, header);
    this.splits = new SplitsByOwner(this.causes, this.owners);
    this.blocks = new SharedBlocks(header.geometry);
    this.idle = new SharedIdle(header.geometry.pageShift, this.#isBootPoolApart);
  }

  observe(batch: EventBatch, row: number): void {
    this.owners.observe(batch, row);
    this.causes.observe(batch, row);
    this.splits.observe(batch, row);
    this.blocks.observe(batch, row);
    if (this.#isBootPoolApart && this.#isConfidential && isBootSlab(batch, row)) {
      this.blocks.leaveOut(batch.pfnAt(row), batch.pagesAt(row));
    }
    this.idle.observe(batch, row);
  }
}

/** The projections that are read of every run. */
import type { EventBatch } from '../events/batch.ts';
import type { LogHeader } from '../log/header.ts';
import { Causes } from './causes.ts';
import { Owners } from './owners.ts';
import type { Projection } from './projection.ts';
import { SharedBlocks } from './shared-blocks.ts';
import { SharedIdle } from './shared-idle.ts';
import { SplitsByOwner } from './splits.ts';

export class RunProjections implements Projection {
  readonly owners = new Owners();
  readonly causes = new Causes(this.owners);
  readonly splits = new SplitsByOwner(this.causes, this.owners);
  readonly blocks: SharedBlocks;
  readonly idle: SharedIdle;

  constructor({ geometry }: Pick<LogHeader, 'geometry'>) {
    this.blocks = new SharedBlocks(geometry);
    this.idle = new SharedIdle(geometry.pageShift);
  }

  observe(batch: EventBatch, row: number): void {
    this.owners.observe(batch, row);
    this.causes.observe(batch, row);
    this.splits.observe(batch, row);
    this.blocks.observe(batch, row);
    this.idle.observe(batch, row);
  }
}

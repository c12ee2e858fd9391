import type { Pfn } from '@decpool/model';
import type { Recorder } from '../policy.ts';

/** How much is converted at once, and when: the pool tells it what happens to pages, it converts some. */
export interface Conversion {
  readonly name: string;
  /** A chunk came into the pool. */
  claimed(start: Pfn, pages: number, record: Recorder): void;
  /** A free run is about to be given to an allocation, which needs it shared. */
  allocating(start: Pfn, pages: number, record: Recorder): void;
  /** An extent was freed and stays in the pool for now. */
  freed(start: Pfn, pages: number, record: Recorder): void;
}

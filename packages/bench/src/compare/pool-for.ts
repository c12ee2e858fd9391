import type { LogHeader } from '@decpool/model';
import { type PolicyFactory, Pool, type PoolOptions } from '@decpool/pool';

/** What determines a run, besides its policy and its requests. A log's header has all of it. */
type RunSetting = Required<Pick<PoolOptions, 'memory' | 'platform' | 'seed' | 'workload'>> &
  Pick<LogHeader, 'faults' | 'swiotlb' | 'atomicPools'> &
  Partial<Pick<LogHeader, 'pageSource' | 'workerDelay'>>;

/** The pool of a run: of a comparison's, or of one whose log has this header. */
export const poolFor = (setting: RunSetting, policy: PolicyFactory): Pool => new Pool({ ...setting, policy });

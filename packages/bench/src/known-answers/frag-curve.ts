import { type MemoryState, type PlatformName, platformNamed } from '@decpool/model';
import { Pool, policyNamed } from '@decpool/pool';
import { freeMemoryAtStart, llfreeScore } from '../metrics/llfree-score.ts';
import { fragRoundOf } from '../workloads/frag.ts';
import type { Workload } from '../workloads/workload.ts';

/** Where the kernel's direct map is changed by conversions; the score does not depend on it. */
const PLATFORM: PlatformName = 'snp';

/** LLFree's score after half of memory was freed, and after each round of `frag`: percent, by round from 0. */
export function fragCurve(workload: Workload, memory: MemoryState, policy: string, seed = 1): number[] {
  const pool = new Pool({ memory, platform: platformNamed(PLATFORM), policy: policyNamed(policy), seed });
  const free = freeMemoryAtStart(pool.header);
  const scores: number[] = [];
  let round = fragRoundOf(0);
  const endRound = () => {
    if (round >= 0) scores[round] = llfreeScore(free, pool.header.geometry.pagesPerBlock);
  };
  pool.batches$.subscribe((batch) => {
    for (let row = 0; row < batch.length; row++) {
      const next = fragRoundOf(batch.timeAt(row));
      if (next !== round) {
        endRound();
        round = next;
      }
      free.observe(batch, row);
    }
  });
  for (const request of workload.requests) pool.request(request);
  pool.complete();
  endRound();
  return scores;
}

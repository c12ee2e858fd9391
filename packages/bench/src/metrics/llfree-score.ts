import type { LogHeader } from '@decpool/model';
import { anyOf, FreeMemory, IS_NUMBERED_REQUEST } from '@decpool/model/internal';
import { freePagesAtStart } from '@decpool/pool/internal';
import { metricFamily } from './family.ts';

/**
 * Of the 2 MiB blocks that the free pages could fill, those that are free, in percent. Wrenger et al., LLFree, USENIX ATC'23,
 * free huge frames: 100 * freeHuge / (freePages >> 9). 100 if the free pages are fewer than a block.
 */
export function llfreeScore(memory: FreeMemory, pagesPerBlock: number): number {
  const blocks = Math.floor(memory.pages / pagesPerBlock);
  return blocks === 0 ? 100 : (100 * memory.wholeBlocks) / blocks;
}

/** Free memory before the first event. */
export const freeMemoryAtStart = ({ memory, geometry, seed }: LogHeader): FreeMemory =>
  new FreeMemory(freePagesAtStart(memory, geometry, seed), geometry.pagesPerBlock);

/** LLFree's score over a run. */
export const llfreeScoreMetrics = metricFamily({
  group: 'Free memory in whole blocks',
  metrics: {
    'llfree-score': {
      label: 'LLFree score, mean',
      unit: 'percent',
      better: 'higher',
      shown: 'on-request',
      formula:
        "100 * freeHuge / (freePages >> 9), 100 where freePages < 512; mean over the moments after each request. Of all memory: free is what is in no allocation, slab or bounce buffer, not leaked, and not held by others (LLFree, USENIX ATC'23)",
    },
    'llfree-score-end': {
      label: 'LLFree score, end',
      unit: 'percent',
      better: 'higher',
      shown: 'on-request',
      formula: '100 * freeHuge / (freePages >> 9) after the last event, as the mean above',
    },
  },
  measure: (header) => {
    const memory = freeMemoryAtStart(header);
    let sum = 0;
    let samples = 0;
    /** Number of the request whose events are being read; 0 for none. */
    let request = 0;
    const score = () => llfreeScore(memory, header.geometry.pagesPerBlock);
    return {
      sees: anyOf(IS_NUMBERED_REQUEST, memory.sees),
      observe(batch, row) {
        const now = batch.requestAt(row);
        if (now !== request && request !== 0) {
          sum += score();
          samples++;
        }
        request = now;
        memory.observe(batch, row);
      },
      values: () => {
        const end = score();
        const [total, count] = request === 0 ? [sum, samples] : [sum + end, samples + 1];
        return { 'llfree-score': count === 0 ? end : total / count, 'llfree-score-end': end };
      },
    };
  },
});

/** For specs: what results made by hand have alike. */
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import type { Results } from './results.ts';

/** Everything but platform, metrics, ranking and policies. */
export const madeOf = (name: string) =>
  ({
    decpool: 'comparison',
    version: 5,
    command: 'decpool compare',
    input: { name, description: 'Made by hand.', requests: 3, requestsHash: 'ab', peakLivePages: 9 },
    memory: '4G',
    memoryHash: 'a'.repeat(64),
    swiotlbDynamic: false,
    pagesPerBlock: 512,
    seeds: [1, 2, 3],
    facts: [['input', name]],
    cautions: [],
    rows: KEY_METRICS,
  }) as const satisfies Partial<Results>;

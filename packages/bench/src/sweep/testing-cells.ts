/** For specs: the outline of a small sweep, and finished cells of it, made by hand. */
import type { MetricId } from '../metrics/metric.ts';
import { definitionSchema } from './definition.ts';
import type { FinishedCell, ServedCell } from './finished-cell.ts';
import { CODE, codeHash, type Identity } from './identity.ts';
import { keysOf, type SweepOutline } from './outline.ts';

const SEEDS = [5, 3, 9];

/** Two scenarios, two policies and three seeds. */
export const OUTLINE: SweepOutline = {
  definition: definitionSchema.parse({
    name: 'by-hand',
    policies: ['linux-7.3', 'first-fit+block+immediate'],
    inputs: [{ trace: 'orders.txt' }],
    memory: ['1G'],
    platforms: ['snp', 'none'],
    seeds: SEEDS,
  }),
  inputs: [
    {
      ...{
        name: 'orders',
        description: 'Four chunks.',
        requests: 7,
        requestsHash: 'ab12',
        peakLivePages: 520,
      },
      lowerBounds: {
        ...{ blocksPeak: 2, blockSeconds: 0.5 },
        beyondSlots: { blocksPeak: 2, leastIdle: [4096] },
      },
      notes: [],
    },
  ],
  memory: [{ name: '1G', description: 'a fresh boot of 1 GiB', notes: ['a note'] }],
  policies: ['linux-7.3', 'first-fit+block+immediate'],
  scenarios: ['snp', 'none'].map((platform) => ({ input: 'orders', memory: '1G', platform })),
};
export const KEYS = keysOf(OUTLINE);

export const IDENTITY: Identity = { [CODE]: codeHash(), definition: 'd1', "input 'orders'": 'ab12' };

const which = (key: string) => {
  const [input, memory, platform, policy, seed] = key.split('|');
  return { key, input, memory, platform, policy, seed: Number(seed) };
};

export const served = (key: string, values: { readonly [Id in MetricId]?: number } = {}): ServedCell => ({
  ...which(key),
  ...{ events: 10, stateHash: `hash of ${key}` },
  metrics: values as ServedCell['metrics'],
});

export const refused = (key: string, why: string): FinishedCell => ({ ...which(key), refused: why });
export const failed = (key: string, why: string): FinishedCell => ({ ...which(key), failed: why });

export const byKey = (cells: readonly FinishedCell[]): Map<string, FinishedCell> =>
  new Map(cells.map((cell) => [cell.key, cell]));

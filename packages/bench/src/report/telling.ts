/** Which of several inputs to show first. */
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { isWithinNoise } from './noise.ts';
import type { Results } from './results.ts';

/** Places of the inputs in `all`: that which tells policies apart best comes first. Equal ones keep their order. */
export function tellingOrder(all: readonly Results[]): number[] {
  const differences = all.map(differencesIn);
  return [...all.keys()].sort((a, b) => differences[b] - differences[a]);
}

/** Pairs of policies with ranges over the seeds that do not overlap, summed up over the ten key metrics. */
export function differencesIn({ metrics, policies }: Results): number {
  const ids = KEY_METRICS.filter((wanted) => metrics.some(({ id }) => id === wanted));
  let differences = 0;
  for (const [place, { metrics: first }] of policies.entries()) {
    for (const { metrics: second } of policies.slice(place + 1)) {
      differences += ids.filter((id) => !isWithinNoise(first[id], second[id])).length;
    }
  }
  return differences;
}

/** Which of several inputs to show first. */
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { namedMetrics } from './named-metrics.ts';
import { isWithinNoise } from './noise.ts';
import type { Results } from './results.ts';

/** Places of the inputs in `all`: that which tells policies apart best comes first. Equal ones keep their order. */
export function tellingOrder(all: readonly Results[]): number[] {
  const differences = all.map(differencesIn);
  return [...all.keys()].sort((a, b) => differences[b] - differences[a]);
}

/** Pairs of policies with ranges over the seeds that do not overlap, summed up over the ten key metrics. */
export function differencesIn({ metrics, policies }: Results): number {
  const known = namedMetrics(metrics, KEY_METRICS);
  const pairs = policies.flatMap((first, place) =>
    policies.slice(place + 1).map((second) => [first, second]),
  );
  const differences = pairs.map(
    ([a, b]) => known.filter(({ id }) => !isWithinNoise(a.metrics[id], b.metrics[id])).length,
  );
  return differences.reduce((sum, count) => sum + count, 0);
}

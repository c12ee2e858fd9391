/** What the boot pools cost at boot, in words: it stands in no policy's figures. */
import { countText } from '../text/counts.ts';
import { listed } from '../text/listed.ts';
import { formatValue } from '../text/units.ts';
import type { MetricId } from './metric.ts';

const SPLITS: readonly (readonly [MetricId, string, string?])[] = [
  ['splits-2m', '2M split'],
  ['splits-1g', '1G split'],
  ['splits-32m', '32M split'],
  ['splits-64k', '64K split'],
];
const CALLS: typeof SPLITS = [
  ['host-calls', 'host call'],
  ['full-flushes', 'full TLB flush', 'full TLB flushes'],
];

const POOLS: readonly (readonly [MetricId, string])[] = [
  ['bounce-bytes', 'swiotlb bounce buffers'],
  ['atomic-pool-bytes', 'atomic DMA pools'],
];

/** `values`: `atBoot` of a run or a comparison. Undefined if nothing was shared at boot. */
export function atBootText(values: readonly (readonly [MetricId, number])[]): string | undefined {
  const of = (id: MetricId) => values.find(([each]) => each === id)?.[1] ?? 0;
  const texts = (named: typeof SPLITS) =>
    named.filter(([id]) => of(id) > 0).map(([id, ...noun]) => countText(of(id), ...noun));
  const splits = texts(SPLITS);
  const costs = [...(splits.length === 0 ? ['no split'] : splits), ...texts(CALLS)];
  const pools = POOLS.filter(([id]) => of(id) > 0).map(
    ([id, name]) => `${formatValue(of(id), 'bytes')} of ${name}`,
  );
  return of('pages-converted') === 0 ? undefined : `At boot: ${listed(costs)}, for ${listed(pools)}.`;
}

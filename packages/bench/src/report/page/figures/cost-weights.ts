/** The cost of conversions under assumed weights: a number of ns for each thing counted. */
import type { MetricId } from '../../../metrics/metric.ts';
import type { PolicyResults } from '../../results.ts';

interface Component {
  readonly id: string;
  readonly label: string;
  /** Ids of the metrics that are counted, added up. */
  readonly metrics: readonly MetricId[];
  /** Default weight, in ns. A round number, not a measurement. */
  readonly assumedNs: number;
}

export const COMPONENTS: readonly Component[] = [
  { id: 'host-calls', label: 'host calls', metrics: ['host-calls'], assumedNs: 5000 },
  { id: 'page-table-passes', label: 'page-table passes', metrics: ['page-table-passes'], assumedNs: 500 },
  { id: 'map-entries', label: 'map entries changed', metrics: ['mapping-changes'], assumedNs: 20 },
  { id: 'full-flushes', label: 'full TLB flushes', metrics: ['full-flushes'], assumedNs: 5000 },
  { id: 'ranged-flushes', label: 'ranged TLB flushes', metrics: ['ranged-flushes'], assumedNs: 1000 },
  { id: 'splits', label: 'splits, 2M and 1G', metrics: ['splits-2m', 'splits-1g'], assumedNs: 2000 },
  {
    id: 'pages-cache-flushed',
    label: 'cache-flushed pages',
    metrics: ['pages-cache-flushed'],
    assumedNs: 200,
  },
  { id: 'page-accepts', label: 'page accepts', metrics: ['page-accepts'], assumedNs: 1000 },
  { id: 'pages-zeroed', label: 'pages zeroed', metrics: ['pages-zeroed'], assumedNs: 100 },
];

/** ns by component id. */
export type Weights = Readonly<Record<string, number>>;

export const ASSUMED: Weights = Object.fromEntries(COMPONENTS.map(({ id, assumedNs }) => [id, assumedNs]));

/** The count of a component under a policy: medians over the seeds, added up. */
export const countOf = ({ metrics }: PolicyResults, component: Component): number =>
  component.metrics.reduce((sum, id) => sum + (metrics[id]?.median ?? 0), 0);

/** `parts`: ns, in the order of COMPONENTS. */
export type Cost = ReturnType<typeof costOf>;

export function costOf(policy: PolicyResults, weights: Weights) {
  const parts = COMPONENTS.map((component) => countOf(policy, component) * (weights[component.id] ?? 0));
  return { policy: policy.policy, parts, total: parts.reduce((sum, part) => sum + part, 0) };
}

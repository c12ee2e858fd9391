import type { Metric, MetricId } from '../metrics/metric.ts';
import type { Scale } from '../text/units.ts';

/** Labels short enough for the usual rows at 80 columns. Other rows have the label of their metric. */
const LABELS: { readonly [Id in MetricId]?: string } = {
  'shared-idle-peak': 'shared-idle peak',
  'shared-idle-mean': 'shared-idle mean',
  'blocks-peak-ratio': 'blocks / lower bound',
  'kept-unused': 'kept unused',
  'shared-idle-byte-seconds': 'shared-idle',
};

export const shortLabel = ({ id, label }: Metric): string => LABELS[id] ?? label;

/** `shared-idle peak, MiB`. */
export const compactLabel = (metric: Metric, { suffix }: Scale): string =>
  `${shortLabel(metric)}${suffix === '' ? '' : `, ${suffix}`}`;

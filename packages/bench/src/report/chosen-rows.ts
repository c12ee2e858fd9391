/** Which rows a table has: `--metrics`. */
import { InputError } from '@decpool/model';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { knownMetric, METRICS, type MetricId } from '../metrics/metric.ts';

/** In order. `a,b`: exactly these; `+a,b`: the usual ten and these; `all`: every metric. Throws InputError for an unknown id. */
export function chosenRows(list: string | undefined): readonly MetricId[] {
  if (list === undefined) return KEY_METRICS;
  const isAdded = list.trim().startsWith('+');
  const names = list
    .trim()
    .replace(/^\+/, '')
    .split(',')
    .map((name) => name.trim());
  if (names.includes('all')) return METRICS.map(({ id }) => id);
  if (names.includes('')) throw new InputError(`--metrics '${list}': expected ids separated by commas.`);
  const ids = names.map((name) => knownMetric(name, '--metrics'));
  return [...new Set(isAdded ? [...KEY_METRICS, ...ids] : ids)];
}

/** Which rows a table has: `--metrics`. */
import { InputError, unknownName } from '@decpool/model';
import { KEY_METRICS } from '../metrics/key-metrics.ts';

/**
 * The ids of the rows, in order. `a,b` are exactly these, `+a,b` the usual ten and these, `all` every metric. Throws InputError for
 * an unknown id.
 */
export function chosenRows(list: string | undefined, known: readonly string[]): readonly string[] {
  if (list === undefined) return KEY_METRICS;
  const isAdded = list.trim().startsWith('+');
  const ids = list
    .trim()
    .replace(/^\+/, '')
    .split(',')
    .map((id) => id.trim());
  if (ids.includes('all')) return known;
  for (const id of ids) {
    if (known.includes(id)) continue;
    if (id === '') throw new InputError(`--metrics '${list}': expected ids separated by commas.`);
    throw unknownName({
      kind: 'metric',
      given: id,
      known,
      listedBy: 'decpool metrics',
      place: '--metrics',
    });
  }
  return [...new Set(isAdded ? [...KEY_METRICS, ...ids] : ids)];
}

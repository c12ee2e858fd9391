import { InputError } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { metricList } from '../sweep/metric-list.ts';
import { chosenRows } from './chosen-rows.ts';

const KNOWN = metricList().map(({ id }) => id);

describe('the rows of a table', () => {
  it('are ten by default, all of them metrics', () => {
    expect(chosenRows(undefined, KNOWN)).toBe(KEY_METRICS);
    expect(new Set(KEY_METRICS).size).toBe(10);
    for (const id of KEY_METRICS) expect(KNOWN).toContain(id);
  });

  it('are exactly those of a list, in its order', () => {
    expect(chosenRows('borders, splits-2m', KNOWN)).toEqual(['borders', 'splits-2m']);
  });

  it('are the ten and those of a list that begins with a plus, each once', () => {
    expect(chosenRows('+borders,splits-2m', KNOWN)).toEqual([...KEY_METRICS, 'borders']);
  });

  it('are every metric', () => expect(chosenRows('all', KNOWN)).toEqual(KNOWN));

  it.each([
    ['host-cals', "'host-calls'"],
    ['+bordres', "'borders'"],
    ['splits', 'splits-2m'],
  ])('%s is refused, with the nearest ids', (list, near) => {
    expect(() => chosenRows(list, KNOWN)).toThrow(InputError);
    expect(() => chosenRows(list, KNOWN)).toThrow(near);
    expect(() => chosenRows(list, KNOWN)).toThrow('decpool metrics');
  });

  it.each(['', ',', 'splits-2m,', '+'])('%j is refused', (list) => {
    expect(() => chosenRows(list, KNOWN)).toThrow(InputError);
  });
});

import { InputError } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { METRICS } from '../metrics/metric.ts';
import { chosenRows } from './chosen-rows.ts';

describe('the rows of a table', () => {
  it('are ten by default', () => {
    expect(chosenRows(undefined)).toBe(KEY_METRICS);
    expect(new Set(KEY_METRICS).size).toBe(10);
  });

  it('are exactly those of a list, in its order', () => {
    expect(chosenRows('borders, splits-2m')).toEqual(['borders', 'splits-2m']);
  });

  it('are the ten and those of a list that begins with a plus, each once', () => {
    expect(chosenRows('+borders,splits-2m')).toEqual([...KEY_METRICS, 'borders']);
  });

  it('are every metric', () => expect(chosenRows('all')).toEqual(METRICS.map(({ id }) => id)));

  it.each([
    ['host-cals', "'host-calls'"],
    ['+bordres', "'borders'"],
    ['splits', 'splits-2m'],
  ])('%s is refused, with the nearest ids', (list, near) => {
    expect(() => chosenRows(list)).toThrow(InputError);
    expect(() => chosenRows(list)).toThrow(near);
    expect(() => chosenRows(list)).toThrow('decpool metrics');
  });

  it.each(['', ',', 'splits-2m,', '+'])('%j is refused', (list) => {
    expect(() => chosenRows(list)).toThrow(InputError);
  });
});

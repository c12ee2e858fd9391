import { expect, it } from 'vitest';
import { HISTORY_SERIES } from '../history/series.ts';
import { madeHistory } from '../history/testing-made.ts';
import { historyCsv, historyCsvHead } from './history-csv.ts';

const history = madeHistory({ 'say "a,b"': [0, 2, 2] });
const csv = (...ids: string[]) =>
  [
    historyCsvHead(),
    ...historyCsv(
      'made\nup',
      history,
      HISTORY_SERIES.filter(({ id }) => ids.includes(id)),
    ),
  ].join('');

it('has a value a line with its time and its requests; names are quoted where they have to be', () => {
  const before = (series: string) => `"made\nup",${series}`;
  expect(csv('splits-2m', 'asked-for')).toBe(
    [
      'input,series,unit,policy,time_ns,requests,at,value',
      `${before('splits-2m,count')},"say ""a,b""",0,0,,0`,
      `${before('splits-2m,count')},"say ""a,b""",1000000000,1,,2`,
      `${before('splits-2m,count')},"say ""a,b""",4000000000,3,,2`,
      `${before('asked-for,bytes')},,0,0,,0`,
      `${before('asked-for,bytes')},,1000000000,1,,4096`,
      `${before('asked-for,bytes')},,4000000000,3,,4096`,
      '',
    ].join('\n'),
  );
});

it('says what a value is of where there are several at a time', () => {
  expect(csv('block-map')).toContain(',"say ""a,b""",1000000000,1,mixed,1\n');
});

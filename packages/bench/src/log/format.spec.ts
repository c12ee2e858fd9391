import { expect, it } from 'vitest';
import { formatByEnding, formatNamed, LOG_FORMATS, logFormatNamed } from './format.ts';

it('an unknown format is refused with the known ones', () => {
  expect(logFormatNamed('ndjson')).toBe('ndjson');
  expect(() => logFormatNamed('parquet')).toThrow(/unknown log format 'parquet'.*: arrow, ndjson/);
});

it('a name that every object has is no format', () => {
  expect(() => formatNamed('toString', LOG_FORMATS, 'log format')).toThrow("unknown log format 'toString'");
});

it('the ending of a path says its format', () => {
  const paths = ['a.arrow', 'b.arrow/c.ndjson', '.ndjson', 'a.arrow.gz', '.arrow-notes', 'ndjson', ''];
  expect(paths.map((path) => formatByEnding(path, LOG_FORMATS))).toEqual([
    'arrow',
    'ndjson',
    'ndjson',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { readResults } from './read-results.ts';
import { type Results, resultsOf, resultsText } from './results.ts';
import { tinyComparison } from './testing.ts';

let folder = '';
let results: Results;
const named = (name: string): Results => ({ ...results, input: { ...results.input, name } });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-results-'));
  results = resultsOf(await tinyComparison(), 'decpool compare');
  for (const name of ['two', 'one', 'three.partial']) {
    mkdirSync(join(folder, 'many', name), { recursive: true });
    writeFileSync(join(folder, 'many', name, 'results.json'), resultsText(named(name)));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const namesIn = (path: string) => readResults(path).map(({ results: { input } }) => input.name);

describe('results are read', () => {
  it('from a file, as they were written', () => {
    const path = written('whole.json', resultsText(results));
    expect(readResults(path)).toEqual([{ results, file: path }]);
  });

  it('from a folder that has them, and from a folder of such folders by name, without what a run left half done', () => {
    expect(namesIn(join(folder, 'many/one'))).toEqual(['one']);
    // A page that was made of them is no results.
    writeFileSync(join(folder, 'many/report.html'), '');
    expect(namesIn(join(folder, 'many'))).toEqual(['one', 'two']);
  });

  it('from what --json printed: a document a line', () => {
    const lines = [named('b'), named('a')].map((one) => JSON.stringify(one)).join('\n');
    expect(namesIn(written('lines.json', `${lines}\n`))).toEqual(['b', 'a']);
  });
});

it('results of version 3 are read: they have the usual rows, and those that were asked for', () => {
  const { rows: _, cautions: __, ...rest } = results;
  const old = { ...rest, version: 3, requestedMetrics: ['llfree-score'] };
  const [read] = readResults(written('old.json', JSON.stringify(old)));
  expect(read.results).toEqual({ ...results, rows: [...KEY_METRICS, 'llfree-score'], cautions: [] });
});

describe('what is no results is refused with its place', () => {
  it.each([
    ['no JSON', 'hello', ": not JSON; expected the results of 'decpool compare'"],
    ['other JSON', '{"a":1}', ": expected the results of 'decpool compare'"],
    [
      'an older version',
      '{"decpool":"comparison","version":2,"command":"decpool compare"}',
      ": results of version 2; this program reads versions 3 to 5. Run the comparison again: 'decpool compare'",
    ],
    ['a torn second line', '{"decpool":"comparison","version":3}\n{"dec', ':1: '],
  ])('%s', (_, text, message) => {
    const path = written('wrong.json', text);
    expect(() => readResults(path)).toThrow(`${path}${message}`);
  });

  it('a value of the wrong kind', () => {
    const path = written('kind.json', JSON.stringify({ ...results, seeds: ['1'] }));
    expect(() => readResults(path)).toThrow(`${path}: seeds[0]: `);
  });

  it('a policy without one of the metrics, or with too few values', () => {
    const [first, ...others] = results.policies;
    const { 'host-calls': calls, ...metrics } = first.metrics;
    const without = { ...results, policies: [{ ...first, metrics }, ...others] };
    const path = written('missing.json', JSON.stringify(without));
    expect(() => readResults(path)).toThrow("policy 'gfp-decrypted' has no values of 'host-calls'");
    const few = { ...first.metrics, 'host-calls': { ...calls, values: [1] } };
    writeFileSync(path, JSON.stringify({ ...results, policies: [{ ...first, metrics: few }, ...others] }));
    expect(() => readResults(path)).toThrow("has 1 values of 'host-calls'; expected one for each of 3 seeds");
  });

  it('a log that lies elsewhere', () => {
    const [first, ...others] = results.policies;
    const outside = { ...results, policies: [{ ...first, log: '../../elsewhere.arrow' }, ...others] };
    const path = written('outside.json', JSON.stringify(outside));
    expect(() => readResults(path)).toThrow("has the log '../../elsewhere.arrow'; expected a file in logs/");
  });

  it('a path where there is nothing, and a folder without results', () => {
    expect(() => readResults(join(folder, 'none'))).toThrow('there is no such file or folder');
    mkdirSync(join(folder, 'empty'));
    expect(() => readResults(join(folder, 'empty'))).toThrow("expected the results of 'decpool compare'");
  });

  it('two of one input', () => {
    const lines = [results, results].map((one) => JSON.stringify(one)).join('\n');
    expect(() => readResults(written('twice.json', lines))).toThrow("two results of the input 'tiny'");
  });
});

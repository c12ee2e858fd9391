/**
 * What `decpool validate --scatter` finds on the bundled recordings: the table and the lines in docs/scatter.md are
 * compared with what a run gives now. `UPDATE_DOCS=1` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SCATTER_SEEDS, type ScatterResult } from '../packages/bench/src/validate/scatter/scatter.ts';
import { scatterResults } from '../packages/bench/src/validate/scatter/testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = join(root, 'docs/scatter.md');
const recordings = join(root, 'examples/traces/recordings');

const RUNS = [
  'k61/E1f',
  'k73/E1f',
  'k61/E1w',
  'k73/E1w',
  'k61/E1a',
  'k61/EP/E1d',
  'k73/EP/E1d',
  'k73/E1m',
  'k61/E4c',
  'k73/E4c',
];

const thousands = (pages: number) => pages.toLocaleString('en-US');
/** `405`, and `+ 1` where 1G entries were split as well. */
const counted = (of2M: number, of1G: number): string => (of1G === 0 ? `${of2M}` : `${of2M} + ${of1G}`);

function rowOf(result: ScatterResult): string {
  const { name, kind, model2M, model1G, band2M, intervals } = result;
  const upTo =
    intervals.splits1G.high === 0 ? '' : ` + ${intervals.splits1G.low}..${intervals.splits1G.high}`;
  const cells = [
    `\`${relative(recordings, name)}\``,
    kind,
    thousands(result.pages),
    thousands(result.pagesByOthers),
    counted(result.kernel2M, result.kernel1G),
    counted(model2M.median, model1G.median),
    `${model2M.min}..${model2M.max}`,
    kind === 'quiet' ? '' : `${band2M.low}..${band2M.high}${upTo}`,
    `${intervals.possible2M}`,
    result.passes ? (kind === 'buffers' ? 'explained' : 'inside') : 'outside',
  ];
  return `| ${cells.join(' | ')} |\n`;
}

function linesOf(result: ScatterResult): string {
  const lines = result.story?.lines ?? [];
  return [
    relative(recordings, result.name),
    ...lines.map((line) => `  ${line.replaceAll(`${recordings}/`, '')}`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

const TABLE = /(\| run \| kind \|.*\n\|[-|]+\n)((?:\|.*\n)*)/;
const BUFFERS = /(<!-- lines of: buffers -->\n```\n)([\s\S]*?)(```\n)/;

describe('docs/scatter.md', () => {
  const results = RUNS.flatMap((run) => scatterResults(join(recordings, run), SCATTER_SEEDS));
  const rows = results.map(rowOf);
  const lines = results.filter(({ kind }) => kind === 'buffers').map(linesOf);

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(document, 'utf8')
      .replace(TABLE, (_, head: string) => head + rows.join(''))
      .replace(BUFFERS, (_, head: string, __, end: string) => head + lines.join('') + end);
    writeFileSync(document, text);
  }
  const text = readFileSync(document, 'utf8');

  it('has a row for each run', () => {
    expect(TABLE.exec(text)?.[2].trimEnd().split('\n')).toHaveLength(RUNS.length);
  });

  it.each(rows.map((row, index) => ({ row, run: RUNS[index] })))(
    'says of $run what a run gives',
    ({ row }) => {
      expect(TABLE.exec(text)?.[2]).toContain(row);
    },
  );

  it('explains the buffers as a run does', () => {
    expect(BUFFERS.exec(text)?.[2]).toBe(lines.join(''));
  });

  it.each(results.map((result, index) => ({ result, run: RUNS[index] })))('$run passes', ({ result }) => {
    expect(result.passes).toBe(true);
  });
});

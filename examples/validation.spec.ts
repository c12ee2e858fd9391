/**
 * What `decpool validate --scatter` finds on the bundled recordings: the table and the lines in docs/reference/validation.md are
 * compared with what the runs give now. `UPDATE_DOCS=1` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SCATTER_SEEDS, type ScatterResult } from '../packages/bench/src/validate/scatter/scatter.ts';
import { type JudgedRun, judge, skillOver } from '../packages/bench/src/validate/scatter/skill.ts';
import { scatterResults } from '../packages/bench/src/validate/scatter/testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = join(root, 'docs/reference/validation.md');
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
const skillText = (skill: number | undefined) => (skill === undefined ? '' : skill.toFixed(2));

const VERDICTS = { skill: 'skill', weak: 'weak skill', none: '**no skill**', undecided: 'undecided' };

function rowOf(run: JudgedRun): string {
  const { name, kind, model2M, model1G, uniform, constant } = run;
  const cells = [
    `\`${relative(recordings, name)}\``,
    kind,
    thousands(run.pages),
    thousands(run.pagesByOthers),
    counted(run.kernel2M, run.kernel1G),
    counted(model2M.median, model1G.median),
    `${model2M.min}..${model2M.max}`,
    `${run.percentile}`,
    `${uniform.splits2M}`,
    skillText(uniform.skill),
    `${constant?.splits2M}`,
    skillText(constant?.skill),
    VERDICTS[run.verdict],
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
const SUMMARY = /^Over all ten runs .*\n/m;
const BUFFERS = /(<!-- lines of: buffers -->\n```\n)([\s\S]*?)(```\n)/;

describe('docs/reference/validation.md', () => {
  const results = RUNS.flatMap((run) => scatterResults(join(recordings, run), SCATTER_SEEDS));
  const runs = judge(results);
  const rows = runs.map(rowOf);
  const over = [skillOver(runs, (run) => run.uniform), skillOver(runs, (run) => run.constant)].map(skillText);
  const summary = `Over all ten runs the skill is ${over[0]} against uniform placement and ${over[1]} against the constant.\n`;
  const lines = results.filter(({ kind }) => kind === 'buffers').map(linesOf);

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(document, 'utf8')
      .replace(TABLE, (_, head: string) => head + rows.join(''))
      .replace(SUMMARY, summary)
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

  it('has the skill over all runs', () => {
    expect(SUMMARY.exec(text)?.[0]).toBe(summary);
  });

  it.each(results.map((result, index) => ({ result, run: RUNS[index] })))(
    'the numbers of $run are possible',
    ({ result }) => {
      expect(result.isPossible).toBe(true);
    },
  );
});

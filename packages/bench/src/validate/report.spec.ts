import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readText } from '../files/read-text.ts';
import { validateRecording } from './replay.ts';
import { recordingsReport, scatterReport } from './report.ts';
import { SCATTER_SEEDS } from './scatter/scatter.ts';
import { csvOf, scatterResults, snapshots, writeFiles } from './scatter/testing.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/recordings/', import.meta.url));
const RULES = join(BUNDLED, 'k73/E6dec/rules.csv.gz');
const DRIVERS = join(BUNDLED, 'k73/E7cc/scatter.csv.gz');

it('has a line per recording, and passes when the model agrees', () => {
  const { text: output, passes } = recordingsReport([RULES, DRIVERS].map(validateRecording));
  expect(passes).toBe(true);
  const cells = output.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
  expect(cells).toContainEqual(['', RULES, '7.3.4', '160', '103', '0', '1', '52/3', '0/0', '2126', '0', '']);
  expect(cells).toContainEqual(['', DRIVERS, '7.3.4', '2', '1', '238', '2', '11/0', '0/0', '128', '0', '']);
  expect(output).toContain('Not compared: rows before the first #map (1), ');
  expect(output).not.toContain('kernel:');
});

it('fails and shows the first mismatch of a recording that fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  const changed = join(folder, 'rules.csv');
  try {
    copyFileSync(join(BUNDLED, 'k73/E6dec/meta.json'), join(folder, 'meta.json'));
    writeFileSync(changed, readText(RULES).replace(/^(23,c,1,dec,\d+,5000,0,2,1),2,/m, '$1,3,'));
    const { text: output, passes } = recordingsReport([RULES, changed].map(validateRecording));
    expect(passes).toBe(false);
    const line =
      readText(changed)
        .split('\n')
        .findIndex((text) => text.startsWith('23,c,')) + 1;
    expect(output).toContain(`\n${changed}:${line}: l2_split_delta\n  kernel: 3\n  model:  2\n`);
    expect(output).not.toContain(`\n${RULES}:`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const reportOf = (dir: string) => scatterReport(scatterResults(dir, SCATTER_SEEDS));

/** The cells of each line. */
const cellsOf = (text: string) => text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));

it('has kernel, model and chance of a run of allocations, and why buffers cost what they did', () => {
  const run = join(BUNDLED, 'k73/E4c');
  const { text: output, passes } = reportOf(run);
  expect(passes).toBe(true);
  const row = cellsOf(output).find(([, name]) => name === run);
  expect(row?.slice(2, 12)).toEqual([
    '7.3.4',
    'buffers',
    '79360',
    '242850',
    '1/0',
    '1/1',
    '1..1',
    '50',
    '6',
    '1.00',
  ]);
  // A constant needs other runs.
  expect(row?.slice(12, 15)).toEqual(['', '', 'skill']);
  expect(output).toContain(`\n${run}, explained:\n  90 chunks: 70 of order 10 (0 2M splits), 10 of order 9 `);
});

describe('a kernel', () => {
  let folder = '';
  const row = (splits2M: number) => csvOf([{ op: 'x', id: 1, splits2M }]);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    writeFiles(folder, {
      'meta.json': '{"kernel": "6.1.99"}',
      ...snapshots([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 2),
    });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('that split what no placement can split fails', () => {
    writeFiles(folder, { 'ops.csv': row(5) });
    const { text, passes } = reportOf(folder);
    expect(passes).toBe(false);
    expect(cellsOf(text).find(([, name]) => name === folder)).toContain('IMPOSSIBLE');
    expect(text).toContain(
      `\n${folder}: the kernel split 5 2M and 0 1G entries; no placement can split other numbers than 1..1 and 0..0\n`,
    );
  });

  it('that chance meets as well as the model is undecided, and passes', () => {
    writeFiles(folder, { 'ops.csv': row(1) });
    const { text, passes } = reportOf(folder);
    expect(passes).toBe(true);
    expect(cellsOf(text).find(([, name]) => name === folder)).toContain('undecided');
    expect(text).toContain(
      '\nThe model is nearer than chance in 0 of 1 run. Skill over all: - against uniform',
    );
  });
});

it('fails and names the predictor if the model has no skill', () => {
  const run = join(BUNDLED, 'k61/E4c');
  const { text, passes } = reportOf(run);
  expect(passes).toBe(false);
  expect(text).toContain(
    `\n${run}: the kernel split 9 2M entries, the model 1; uniform placement splits 8: no skill\n`,
  );
});

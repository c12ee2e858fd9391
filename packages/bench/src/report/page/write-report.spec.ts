import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PageInput } from './page-data.ts';
import { madeResults } from './testing.ts';
import { writeReport } from './write-report.ts';

const inputs: readonly PageInput[] = [
  { results: madeResults({ policies: { kernel: [1, 2, 3] }, ranked: [['kernel']] }), folder: 'made' },
];
let folder = '';
const put = (name: string, text = 'mine') => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-write-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('figures go into a folder named after the page, in the place of older ones; others beside are left alone', async () => {
  put('figures/mine.txt');
  put('netvsc-figures/old.svg');
  put('netvsc-figures/older/old.svg');
  await writeReport(inputs, join(folder, 'netvsc.html'));
  expect(readdirSync(folder).sort()).toEqual(['figures', 'netvsc-figures', 'netvsc.html']);
  expect(readFileSync(join(folder, 'figures/mine.txt'), 'utf8')).toBe('mine');
  const figures = readdirSync(join(folder, 'netvsc-figures'));
  expect(figures).toContain('at-a-glance.svg');
  expect(figures).not.toContain('old.svg');
});

it.each([
  'page-figures/notes.txt',
  'page-figures/deep/notes.txt',
  'page-figures.partial/notes.txt',
  'page-figures',
])('%s is not ours: nothing is written', async (name) => {
  put(name);
  await expect(writeReport(inputs, join(folder, 'page.html'))).rejects.toThrow(
    'name another page with --out',
  );
  expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
  expect(existsSync(join(folder, 'page.html'))).toBe(false);
});

it('a link in place of its temporary file is not followed', async () => {
  put('theirs.txt', 'theirs');
  symlinkSync(join(folder, 'theirs.txt'), join(folder, 'page.html.partial'));
  await writeReport(inputs, join(folder, 'page.html'));
  expect(readFileSync(join(folder, 'theirs.txt'), 'utf8')).toBe('theirs');
  expect(readdirSync(folder).sort()).toEqual(['page-figures', 'page.html', 'theirs.txt']);
});

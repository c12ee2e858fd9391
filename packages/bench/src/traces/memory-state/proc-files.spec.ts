import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { folderFiles, iomemRanges, type ProcFiles, procLines, zoneLabel } from './proc-files.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-proc-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('a folder has the files that are in it', () => {
  writeFileSync(join(folder, 'buddyinfo'), 'Node 0, zone DMA 1\n');
  const files = folderFiles(folder);
  expect([files.place, files.pathOf('vmstat')]).toEqual([folder, join(folder, 'vmstat')]);
  expect([files.textOf('buddyinfo'), files.textOf('vmstat')]).toEqual(['Node 0, zone DMA 1\n', undefined]);
});

const holding = (texts: Readonly<Record<string, string>>): ProcFiles => ({
  place: 'dump',
  pathOf: (name) => `dump/${name}`,
  textOf: (name) => texts[name],
});

it('a line knows its file and its number', () => {
  const lines = procLines(holding({ meminfo: 'a\nb\n' }), 'meminfo');
  expect(lines.map(({ text }) => text)).toEqual(['a', 'b', '']);
  expect(lines[1].refuse('no number')).toEqual(new InputError('dump/meminfo:2: no number'));
});

it('a file that is missing is named, with what a memory state is', () => {
  expect(() => procLines(holding({}), 'buddyinfo')).toThrow(
    new InputError(
      'dump/buddyinfo: cannot be read; a memory state is a folder with copies of /proc/buddyinfo and /proc/pagetypeinfo',
    ),
  );
});

const RAM = /^([0-9a-f]+)-([0-9a-f]+) : System RAM$/;

it('a range of iomem has the pages that lie wholly in it', () => {
  const pages = (range: string) => iomemRanges(holding({ iomem: `${range} : System RAM\n` }), RAM);
  expect(pages('00001000-00002fff')).toEqual([[1, 2]]);
  expect(pages('00001001-00002fff')).toEqual([[2, 1]]);
  expect(pages('00000fff-00002ffe')).toEqual([[1, 1]]);
  expect(pages('00001000-00001fff')).toEqual([[1, 1]]);
  // Less than a page, and one page cut at both ends.
  for (const none of ['00001000-00001ffe', '00001001-00002ffe', '00001800-000027ff'])
    expect(pages(none), none).toEqual([]);
});

it('the ranges of iomem are those of one kind, in order; without the file nobody knows', () => {
  const iomem = [
    '00000000-00000fff : Reserved',
    '00001000-0009ffff : System RAM',
    '  00002000-00002fff : Kernel code',
    '100000000-1ffffffff : System RAM',
    '',
  ].join('\n');
  expect(iomemRanges(holding({ iomem }), RAM)).toEqual([
    [1, 0x9f],
    [0x100000, 0x100000],
  ]);
  expect(iomemRanges(holding({ iomem: '' }), RAM)).toEqual([]);
  expect(iomemRanges(holding({}), RAM)).toBeUndefined();
});

it('a zone has its node in its name, but for node 0', () => {
  expect([zoneLabel(0, 'DMA32'), zoneLabel(1, 'Normal')]).toEqual(['zone DMA32', 'node 1, zone Normal']);
});

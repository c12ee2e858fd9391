import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCells } from './cells-file.ts';
import { byKey, KEYS, refused, served } from './testing-cells.ts';

let folder = '';
let path = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  path = join(folder, 'cells.ndjson');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('wherever it ends, it has the cells of the lines that are whole', () => {
  const cells = KEYS.slice(0, 3).map((key) => refused(key, 'für “q”'));
  const lines = cells.map((cell) => Buffer.from(`${JSON.stringify(cell)}\n`));
  const text = Buffer.concat(lines);
  writeFileSync(path, text);
  for (let bytes = text.length; bytes >= 0; bytes--) {
    truncateSync(path, bytes);
    let [whole, wholeBytes] = [0, 0];
    while (wholeBytes + (lines[whole]?.length ?? Number.POSITIVE_INFINITY) <= bytes)
      wholeBytes += lines[whole++].length;
    const expected = { cells: byKey(cells.slice(0, whole)), wholeBytes, isCutOff: bytes > wholeBytes };
    expect(readCells(path), `${bytes} bytes`).toEqual(expected);
  }
});

it('may have a cell of seed 0 that came to no event', () => {
  const cell = { ...served(KEYS[0], { 'host-calls': 0 }), seed: 0, events: 0 };
  writeFileSync(path, `${JSON.stringify(cell)}\n`);
  expect([...readCells(path).cells.values()]).toEqual([cell]);
});

it('has nothing if it is not there', () => {
  expect(readCells(join(folder, 'none'))).toEqual({ cells: new Map(), wholeBytes: 0, isCutOff: false });
});

it.each([
  ['7\n', 1],
  ['{}\n\n', 1],
  [`${JSON.stringify(refused(KEYS[0], 'no'))}\n\n7\n`, 2],
])('tells the line of what is no cell: %j', (text, line) => {
  writeFileSync(path, text);
  expect(() => readCells(path)).toThrow(InputError);
  expect(() => readCells(path)).toThrow(`${path}:${line}: not a cell of a sweep: `);
});

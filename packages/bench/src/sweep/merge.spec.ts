import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mergeParts } from './merge.ts';
import { shardOf } from './shard.ts';
import { CELLS, DEFINITION, decpool, SweepFiles } from './testing.ts';

const PARTS = [1, 2, 3];
let files: SweepFiles;
/** Folders of the three parts. */
let parts: string[];

const runPart = (index: number, definition?: string, out = `part-${index}`) =>
  files.sweep(out, 1, definition, '--shard', `${index}/${PARTS.length}`);
const merge = (folders: readonly string[], out: string) =>
  decpool('sweep', 'merge', ...folders, '--out', files.scratch(out));
const edit = (file: string, change: (text: string) => string) =>
  writeFileSync(files.scratch(file), change(readFileSync(files.scratch(file), 'utf8')));

beforeAll(async () => {
  files = new SweepFiles();
  parts = PARTS.map((index) => files.scratch(`part-${index}`));
  await files.sweep('whole', 2);
  for (const index of PARTS) await runPart(index);
});
afterAll(() => files.remove());

it('gives each cell to one part, and neighbours to different ones', () => {
  const items = Array.from({ length: 10 }, (_, index) => index);
  const all = PARTS.map((index) => shardOf(items, { index, count: 3 }));
  expect(all).toEqual([
    [0, 3, 6, 9],
    [1, 4, 7],
    [2, 5, 8],
  ]);
});

it('merges parts to the bytes of one machine; a part by itself has cells and no results', async () => {
  for (const index of PARTS) {
    expect(files.cellsIn(`part-${index}`)).toHaveLength(CELLS / 3);
    expect(existsSync(files.scratch(`part-${index}`, 'results.csv'))).toBe(false);
  }
  expect(await merge(parts.toReversed(), 'merged')).toMatchObject({ code: 0, stderr: '' });
  expect(files.resultsOf('merged')).toEqual(files.resultsOf('whole'));
  expect(files.cellsIn('merged').toSorted()).toEqual(files.cellsIn('whole').toSorted());
});

it('merges into one of the parts, too, and parts that overlap', async () => {
  cpSync(parts[0], files.scratch('into'), { recursive: true });
  const { code } = await merge([files.scratch('merged'), parts[1]], 'into');
  expect(code).toBe(0);
  expect(files.cellsIn('into')).toHaveLength(CELLS);
  expect(files.resultsOf('into')).toEqual(files.resultsOf('whole'));
});

it('says how many cells are missing and names some, and writes nothing', async () => {
  const { code, stdout, stderr } = await merge([parts[0], parts[2]], 'lacking');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(
    `${CELLS / 3} of ${CELLS} cells are missing: orders|1G|snp|linux-7.3|5, orders|1G|snp|linux-7.3|11, orders|1G|snp|gfp-decrypted|5 and 47 more`,
  );
  expect(existsSync(files.scratch('lacking'))).toBe(false);
});

it.each([
  {
    other: 'definition',
    change: () => files.define('other.json', { ...DEFINITION, seeds: [3, 5, 8] }),
    part: 'definition',
  },
  {
    other: 'input',
    change: () => {
      files.define('other.json', DEFINITION);
      edit('traces/one.txt', () => 'a 1 2\n');
    },
    part: "input 'one'",
  },
])('refuses parts of another $other with both hashes', async ({ change, part }) => {
  change();
  const out = `other ${part}`;
  expect(await runPart(2, 'other.json', out)).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await merge([parts[0], files.scratch(out)], 'mixed');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`not a part of the sweep in ${parts[0]}: the ${part} differs (`);
  expect(stderr).toMatch(/\([0-9a-f]{12} instead of [0-9a-f]{12}\)/);
  expect(existsSync(files.scratch('mixed'))).toBe(false);
});

it('refuses parts that ran with other code, and cells on which two parts disagree', async () => {
  const out = files.scratch('mixed');
  const older = files.scratch('older');
  cpSync(parts[1], older, { recursive: true });
  edit('older/sweep.json', (text) => text.replace(/("version of decpool": )"[^"]+"/, '$1"0123456789abcdef"'));
  await expect(mergeParts([parts[0], older], out)).rejects.toThrow(
    /the version of decpool differs \(0123456789ab instead of [0-9a-f]{12}\)/,
  );
  await expect(mergeParts([older], out)).rejects.toThrow(
    /code 0123456789ab, but this is \S+, code [0-9a-f]{12}; merge with/,
  );

  const edited = files.scratch('edited');
  cpSync(parts[0], edited, { recursive: true });
  edit('edited/cells.ndjson', (text) => text.replace(/"events":\d+/, '"events":1'));
  await expect(mergeParts([...parts, edited], out)).rejects.toThrow(
    /edited: cell orders\|1G\|snp\|linux-7\.3\|3 has another result than in /,
  );
  expect(existsSync(out)).toBe(false);
});

it('refuses what makes no sense, in a line each', async () => {
  const refusals = [
    { args: ['sweep', 'merge'], says: 'merge: give the folders of the parts' },
    {
      args: ['sweep', 'merge', '/nowhere'],
      says: '/nowhere: not the folder of a sweep (it has no sweep.json)',
    },
    { args: ['sweep', 'merge', 'x', '--shard', '1/2'], says: '--shard is for running one' },
    { args: ['sweep', 'a.json', 'b.json'], says: "'b.json': one definition is run at a time" },
    { args: ['sweep', 'a.json', '--shard', '0/3'], says: 'expected a part and the number of parts' },
    { args: ['sweep', 'a.json', '--shard', '4/3'], says: 'expected a part and the number of parts' },
  ];
  for (const { args, says } of refusals) {
    const { code, stdout, stderr } = await decpool(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('(see')),
    ).toHaveLength(1);
  }
});

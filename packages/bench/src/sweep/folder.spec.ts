import { createHash } from 'node:crypto';
import fs, {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../files/version.ts';
import { openBelow } from '../log/testing.ts';
import { isSweepFolder, readPart, SweepFolder } from './folder.ts';
import { CODE, codeHash, differenceOf } from './identity.ts';
import { mergeParts } from './merge.ts';
import { readSweepResults, resultsOf } from './results.ts';
import { byKey, failed, IDENTITY, KEYS, OUTLINE, refused, served } from './testing-cells.ts';

let all = '';
let scratch = '';
beforeAll(() => {
  all = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(all, { recursive: true }));

/** Each test has a folder of its own, also if it is run again. */
const afresh =
  <Given extends readonly unknown[]>(test: (...given: Given) => Promise<void>) =>
  (...given: Given): Promise<void> => {
    scratch = mkdtempSync(join(all, 'test-'));
    return test(...given);
  };

const at = (...names: string[]) => join(scratch, ...names);
const ABOUT = { identity: IDENTITY, outline: OUTLINE };
const open = (name: string, about = ABOUT) => SweepFolder.open(at(name), about);
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof InputError ? error.message : `no InputError: ${error}`),
  );
const CELLS = KEYS.map((key) => served(key));
const BOUNDS = OUTLINE.inputs[0].lowerBounds;

/** Files of TypeScript that are no specs, by their paths from the folder. */
const sourcesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory())
      return sourcesBelow(join(folder, entry.name)).map((name) => `${entry.name}/${name}`);
    return /(?<!\.spec)\.ts$/.test(entry.name) ? [entry.name] : [];
  });

/** A folder with these cells, as a sweep that ended leaves it. */
async function folderWith(name: string, cells: Parameters<SweepFolder['append']>[0], about = ABOUT) {
  const folder = await open(name, about);
  folder.append(cells);
  folder.close();
  return at(name);
}

describe('the folder of a sweep', () => {
  it(
    'says what it is of, and is found to be one',
    afresh(async () => {
      expect(isSweepFolder(at('deep/new'))).toBe(false);
      const folder = await open('deep/new');
      expect(folder.path).toBe(at('deep/new'));
      expect([folder.finished.size, folder.hasDroppedLine]).toEqual([0, false]);
      expect(isSweepFolder(at('deep/new'))).toBe(true);
      const part = readPart(at('deep/new'));
      expect(part).toEqual({ path: at('deep/new'), version: VERSION, ...ABOUT, cells: new Map() });
      expect(readFileSync(at('deep/new/sweep.json'), 'utf8').split('\n', 2)).toEqual([
        '{',
        '  "decpool": "sweep",',
      ]);
      folder.close();
      expect(await refusal(Promise.resolve().then(() => readPart(scratch)))).toBe(
        `${scratch}: not the folder of a sweep (it has no sweep.json); expected an --out of decpool sweep`,
      );
    }),
  );

  it(
    'gives back its cells in the order in which they finished, each with the line that came first',
    afresh(async () => {
      const later = [KEYS[4], KEYS[0], KEYS[2]].map((key) => served(key, { 'host-calls': 3 }));
      await folderWith('kept', [...later, refused(KEYS[0], 'no')]);
      const folder = await open('kept');
      expect([...folder.finished]).toEqual(later.map((cell) => [cell.key, cell]));
      folder.append([failed(KEYS[1], 'a defect')]);
      folder.append([]);
      // A reader need not wait for the end.
      expect([...readPart(at('kept')).cells.values()]).toEqual([...later, failed(KEYS[1], 'a defect')]);
      folder.close();
    }),
  );

  it.each([
    ['{"key":"x', true],
    ['{"key":"x"\n', true],
    ['', false],
  ])(
    'drops a last line that was cut off: %j',
    afresh(async (rest: string, isDropped: boolean) => {
      const path = await folderWith(`cut-${rest.length}`, CELLS.slice(0, 2));
      const before = readFileSync(join(path, 'cells.ndjson'), 'utf8');
      appendFileSync(join(path, 'cells.ndjson'), rest);
      const folder = await open(`cut-${rest.length}`);
      expect(folder.hasDroppedLine).toBe(isDropped);
      expect([...folder.finished.keys()]).toEqual(KEYS.slice(0, 2));
      folder.append([CELLS[2]]);
      folder.close();
      expect(readFileSync(join(path, 'cells.ndjson'), 'utf8')).toBe(`${before}${JSON.stringify(CELLS[2])}\n`);
    }),
  );

  it.each([
    ['{"key":"x"\n{"key":"y"}\n', 3],
    ['{"key":"y"}\n', 3],
    [`${JSON.stringify(CELLS[1])}\n7\n`, 4],
    [`${JSON.stringify({ ...CELLS[2], events: -1 })}\n`, 3],
  ])(
    'tells the line of what is no cell: %j',
    afresh(async (rest: string, line: number) => {
      const path = await folderWith(`wrong-${rest.length}`, CELLS.slice(0, 2));
      appendFileSync(join(path, 'cells.ndjson'), rest);
      const file = join(path, 'cells.ndjson');
      expect(await refusal(open(`wrong-${rest.length}`))).toMatch(
        new RegExp(`^${file}:${line}: not a cell of a sweep: `),
      );
      // Who gives up has given the folder back.
      expect(readdirSync(path).sort()).toEqual(['cells.ndjson', 'sweep.json']);
    }),
  );

  it(
    'belongs to one sweep, and to one process at a time',
    afresh(async () => {
      const folder = await open('taken');
      writeFileSync(at('taken/lock'), `${process.ppid}\n`);
      expect(await refusal(open('taken'))).toMatch(
        new RegExp(`^process ${process.ppid} is writing to it; wait until it ends`),
      );
      folder.close();
      const about = { ...ABOUT, identity: { ...IDENTITY, definition: 'd2' } };
      expect(await refusal(open('taken', about))).toBe(
        `${at('taken/sweep.json')}: belongs to a different sweep (its definition differs); name another folder with --out, or remove this one`,
      );
      expect(readdirSync(at('taken'))).not.toContain('lock');
      await open('taken').then((again) => again.close());
    }),
  );

  it(
    'is not made where something else lies, but where a sweep was killed before it began',
    afresh(async () => {
      mkdirSync(at('begun'));
      for (const name of ['lock.17', 'sweep.json.partial']) writeFileSync(at('begun', name), '');
      await open('begun').then((folder) => folder.close());
      for (const name of ['letter.txt', 'my-lock', 'lock.x', 'sweep.json.partial2', 'xsweep.json.partial']) {
        mkdirSync(at(`strange-${name}`));
        writeFileSync(at(`strange-${name}`, name), '');
        expect(await refusal(open(`strange-${name}`))).toBe(
          `${at(`strange-${name}`)}: not the folder of a sweep (it has '${name}', but no sweep.json); name another folder with --out`,
        );
      }
      writeFileSync(at('file'), '');
      expect(await refusal(open('file'))).toMatch(new RegExp(`^${at('file')}: cannot be used: `));
      mkdirSync(at('spoilt'));
      writeFileSync(at('spoilt/sweep.json'), '{"decpool":"results"}');
      expect(await refusal(open('spoilt'))).toBe(
        `${at('spoilt/sweep.json')}: not written by a sweep; name another folder with --out`,
      );
    }),
  );

  it(
    'has a name of its own, which stays',
    afresh(async () => {
      const [one, two] = [await open('one'), await open('two')];
      expect(one.id()).toMatch(/^[0-9a-f-]{36}$/);
      expect(one.id()).not.toBe(two.id());
      const name = one.id();
      for (const folder of [one, two]) folder.close();
      const again = await open('one');
      expect(again.id()).toBe(name);
      again.close();
    }),
  );

  it(
    'keeps its cells if a file of results cannot be written',
    afresh(async () => {
      const folder = await open('full');
      folder.append([CELLS[0]]);
      mkdirSync(at('full/results.csv'));
      expect(() => folder.write('results.csv', 'x')).toThrow(InputError);
      expect(() => folder.write('results.csv', 'x')).toThrow(
        /full\/results\.csv: cannot be written.*; finished cells are kept, and the same command continues$/,
      );
      folder.write('results.json', '{}\n');
      expect(readFileSync(at('full/results.json'), 'utf8')).toBe('{}\n');
      folder.close();
    }),
  );

  it(
    'is refused with one line if the file system refuses it',
    afresh(async () => {
      mkdirSync(at('full/sweep.json.partial'), { recursive: true });
      expect(await refusal(open('full'))).toContain(`${at('full/sweep.json')}: cannot be written`);
    }),
  );

  it.each([
    ['requests', { requests: -1 }],
    ['peakLivePages', { peakLivePages: 0.5 }],
    ['blocksPeak', { lowerBounds: { ...BOUNDS, blocksPeak: -1 } }],
    ['leastIdle', { lowerBounds: { ...BOUNDS, beyondSlots: { blocksPeak: 2, leastIdle: [] } } }],
  ])(
    'is refused with the place of what it cannot have: %s',
    afresh(async (name: string, changes: object) => {
      const [input] = OUTLINE.inputs;
      const about = (inputs: readonly object[]) =>
        writeFileSync(
          at('about/sweep.json'),
          JSON.stringify({
            decpool: 'sweep',
            decpoolVersion: VERSION,
            identity: IDENTITY,
            ...OUTLINE,
            inputs,
          }),
        );
      mkdirSync(at('about'));
      about([{ ...input, requests: 0, seed: 0 }]);
      expect(readPart(at('about')).outline.inputs).toMatchObject([{ requests: 0, seed: 0 }]);
      about([{ ...input, ...changes }]);
      expect(() => readPart(at('about'))).toThrow(InputError);
      expect(() => readPart(at('about'))).toThrow(new RegExp(`sweep\\.json: inputs\\[0\\]\\..*${name}`));
    }),
  );

  it(
    'has its cells on the disk when it says so',
    afresh(async () => {
      const folder = await open('synced');
      const { fsyncSync } = fs;
      const synced: number[] = [];
      const use = (sync: typeof fsyncSync) => {
        Object.assign(fs, { fsyncSync: sync });
        syncBuiltinESMExports();
      };
      use((file) => {
        synced.push(statSync(at('synced/cells.ndjson')).size);
        fsyncSync(file);
      });
      try {
        folder.append(CELLS.slice(0, 3));
      } finally {
        use(fsyncSync);
        folder.close();
      }
      const bytes = CELLS.slice(0, 3)
        .map((cell) => `${JSON.stringify(cell)}\n`)
        .join('').length;
      expect(synced).toEqual([bytes]);
    }),
  );

  it.runIf(existsSync('/proc/self/fd'))(
    'has no file open once it is closed',
    afresh(async () => {
      const folder = await open('closed');
      expect(openBelow(scratch)).toEqual([at('closed/cells.ndjson')]);
      folder.close();
      expect(openBelow(scratch)).toEqual([]);
    }),
  );
});

describe('the identities of two sweeps', () => {
  it('differ in the first part that only one has, or has otherwise', () => {
    expect(differenceOf(IDENTITY, { ...IDENTITY })).toBeUndefined();
    const other = { ...IDENTITY, definition: '0123456789abcdef' };
    expect(differenceOf(IDENTITY, other)).toEqual({ part: 'definition', hashes: ['d1', '0123456789ab'] });
    expect(differenceOf({ a: '1' }, { a: '1', b: '2' })).toEqual({ part: 'b', hashes: ['none', '2'] });
    expect(differenceOf({ a: '1', b: '2' }, { a: '1' })).toEqual({ part: 'b', hashes: ['2', 'none'] });
  });

  it('have the code of all sources but specs, by their names and bytes', () => {
    const hash = createHash('sha256');
    const sources = join(import.meta.dirname, '../../..');
    for (const folder of [
      'model/src',
      'pool/src',
      'bench/src/bounds',
      'bench/src/compare',
      'bench/src/metrics',
    ]) {
      for (const name of sourcesBelow(join(sources, folder)).sort()) {
        hash.update(`${name}\n`);
        hash.update(readFileSync(join(sources, folder, name)));
      }
    }
    expect(codeHash()).toBe(hash.digest('hex'));
  });

  it('have the code of a bundle as it was when the bundle was made', () => {
    Object.assign(globalThis, { DECPOOL_CODE_HASH: 'of a bundle' });
    try {
      expect(codeHash()).toBe('of a bundle');
    } finally {
      Reflect.deleteProperty(globalThis, 'DECPOOL_CODE_HASH');
    }
    expect(codeHash()).toBe(IDENTITY[CODE]);
  });

  it('have the code as 64 hex digits, the same each time', () => {
    expect(codeHash()).toMatch(/^[0-9a-f]{64}$/);
    expect(codeHash()).toBe(IDENTITY[CODE]);
  });
});

describe('parts that are merged', () => {
  it(
    'come to the cells and results of all, in whatever order they are given, and may overlap',
    afresh(async () => {
      const a = await folderWith('a', CELLS.slice(0, 7));
      const b = await folderWith('b', CELLS.slice(5).toReversed());
      const expected = resultsOf(OUTLINE, byKey(CELLS));
      expect(await mergeParts([b, a], at('ab'))).toEqual(expected);
      expect(readSweepResults(at('ab/results.json'))).toEqual(expected);
      expect(new Map(readPart(at('ab')).cells)).toEqual(byKey(CELLS));
      // A part can take the others in; then its own cells stay where they are.
      expect(await mergeParts([b], a)).toEqual(expected);
      expect([...readPart(a).cells.keys()].slice(0, 7)).toEqual(KEYS.slice(0, 7));
      expect(readFileSync(join(a, 'cells.ndjson'), 'utf8').trim().split('\n')).toHaveLength(KEYS.length);
      expect(readdirSync(a)).not.toContain('lock');
    }),
  );

  it.each([1, 3, 4])(
    'are refused if %i cells are missing, of which three are named',
    afresh(async (count: number) => {
      const path = await folderWith(`lacks-${count}`, CELLS.slice(count));
      const named = KEYS.slice(0, Math.min(count, 3)).join(', ');
      expect(await refusal(mergeParts([path], at('out')))).toBe(
        `${count} of 12 cells are missing: ${named}${count > 3 ? ' and 1 more' : ''}; run the parts that have them to their end`,
      );
      expect(isSweepFolder(at('out'))).toBe(false);
    }),
  );

  it(
    'are refused if they disagree, are of another sweep or code, or hold a cell of another',
    afresh(async () => {
      const one = await folderWith('agree', CELLS);
      const two = await folderWith('disagree', [{ ...CELLS[3], events: 11 }]);
      expect(await refusal(mergeParts([one, two], at('out')))).toBe(
        `${two}: cell ${KEYS[3]} has another result than in ${one}; remove its line from cells.ndjson of one and run that part again`,
      );
      const strange = await folderWith('strange', [served('orders|2G|snp|linux-7.3|5')]);
      expect(await refusal(mergeParts([one, strange], at('out')))).toBe(
        `${strange}: cell orders|2G|snp|linux-7.3|5 is not of this sweep`,
      );
      const other = await folderWith('other', CELLS, {
        ...ABOUT,
        identity: { ...IDENTITY, definition: 'd2' },
      });
      expect(await refusal(mergeParts([one, other], at('out')))).toBe(
        `${other}: not a part of the sweep in ${one}: the definition differs (d2 instead of d1)`,
      );
      const old = await folderWith('old', CELLS, { ...ABOUT, identity: { ...IDENTITY, [CODE]: 'older' } });
      expect(await refusal(mergeParts([old], at('out')))).toBe(
        `${old}: the parts are of decpool ${VERSION}, code older, but this is ${VERSION}, code ${codeHash().slice(0, 12)}; merge with the decpool that ran them`,
      );
      expect(isSweepFolder(at('out'))).toBe(false);
    }),
  );
});

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Seal } from '@decpool/model';
import { InputError, type PoolEvent } from '@decpool/model';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LogPart, readLog } from '../log/read.ts';
import { replay } from '../rerun/replay.ts';
import { convert, targetFormatNamed, targetFormatOf } from './convert.ts';
import { writeShortLog } from './testing.ts';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../log/fixtures/', import.meta.url));

let root = '';
let folder = '';
const at = (name: string) => join(folder, name);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(root, 'convert-'));
});

async function partsOf(path: string) {
  const parts: LogPart[] = [];
  for await (const part of readLog(path)) parts.push(part);
  return {
    versions: parts.flatMap((part) => (part.kind === 'header' ? [part.version] : [])),
    events: parts.flatMap((part): PoolEvent[] => (part.kind === 'batch' ? [...part.batch] : [])),
    checkpoints: parts.flatMap((part) => (part.kind === 'batch' ? [part.checkpoint] : [])),
    seals: parts.flatMap((part): Seal[] => (part.kind === 'seal' ? [part.seal] : [])),
  };
}

describe.each([
  ['ndjson', 'arrow'],
  ['arrow', 'ndjson'],
] as const)('a log as %s converted to %s', (from, to) => {
  it('has the same events, checkpoints, content hash and state hash, and converted back the same bytes', async () => {
    const seal = await writeShortLog(at(`log.${from}`), from);
    const there = await convert(at(`log.${from}`), at(`there.${to}`), to);
    const back = await convert(at(`there.${to}`), at(`back.${from}`), from);
    expect(seal).toMatchObject({ chain: expect.any(String), stateHash: expect.any(String) });
    expect([there.seal, back.seal]).toEqual([seal, seal]);
    expect(await partsOf(at(`there.${to}`))).toEqual(await partsOf(at(`log.${from}`)));
    expect(readFileSync(at(`back.${from}`))).toEqual(readFileSync(at(`log.${from}`)));
    expect(readdirSync(folder).sort()).toEqual([`back.${from}`, `log.${from}`, `there.${to}`]);
  });

  it('still says that it was saved of a run that was cut off', async () => {
    await writeShortLog(at(`log.${from}`), from, { isCutOff: true });
    const { seal } = await convert(at(`log.${from}`), at(`there.${to}`), to);
    expect(seal.isCutOff).toBe(true);
    expect((await partsOf(at(`there.${to}`))).seals).toEqual([seal]);
  });

  it('is read from a gzip too', async () => {
    const seal = await writeShortLog(at(`log.${from}`), from);
    writeFileSync(at('packed.gz'), gzipSync(readFileSync(at(`log.${from}`))));
    expect((await convert(at('packed.gz'), at(`there.${to}`), to)).seal).toEqual(seal);
  });
});

it.each(['v1-kernel.arrow.gz', 'v1-pool.ndjson.gz', 'v1-realm.ndjson.gz'])(
  'a log of schema version 1 becomes one of version 3 with the same events and state hash: %s',
  async (name) => {
    await convert(join(FIXTURES, name), at('log.arrow'), 'arrow');
    const [before, after] = [await partsOf(join(FIXTURES, name)), await partsOf(at('log.arrow'))];
    expect(before.versions).toEqual([1]);
    expect(after.versions).toEqual([3]);
    expect(after.events).toEqual(before.events);
    expect(after.seals[0].stateHash).toBe(before.seals[0].stateHash);
    expect((await replay(at('log.arrow'))).stateHash).toBe(before.seals[0].stateHash);
  },
);

describe.each(['ndjson', 'arrow', 'parquet'] as const)('nothing is left of %s', (to) => {
  const out = () => at(`out.${to}`);

  async function expectRefused(log: string, message: RegExp, signal?: AbortSignal): Promise<void> {
    const before = readdirSync(folder);
    await expect(convert(log, out(), to, signal === undefined ? {} : { signal })).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual(before);
  }

  it('when the log was cut off: it is refused, and what to do is said', async () => {
    await writeShortLog(at('cut.ndjson'), 'ndjson', { isSealed: false });
    renameSync(at('cut.ndjson.partial'), at('cut.ndjson'));
    await expectRefused(at('cut.ndjson'), /cut\.ndjson: cut off after \d+ events .*decpool recover/);
  });

  it('when the log was altered', async () => {
    await writeShortLog(at('log.ndjson'), 'ndjson');
    const text = readFileSync(at('log.ndjson'), 'utf8');
    writeFileSync(at('altered.ndjson'), text.replace('"pages":8,', '"pages":9,'));
    await expectRefused(at('altered.ndjson'), /altered\.ndjson: .*altered after the log was written/);
  });

  it('when the events do not lead to the state that the seal says', async () => {
    const seal = await writeShortLog(at('log.ndjson'), 'ndjson');
    const text = readFileSync(at('log.ndjson'), 'utf8');
    writeFileSync(at('lies.ndjson'), text.replace(seal!.stateHash, 'f'.repeat(64)));
    await expectRefused(at('lies.ndjson'), /lies\.ndjson: .*events is [0-9a-f]{64}, .*seal is f{64}/);
  });

  it('when somebody stops it', async () => {
    await writeShortLog(at('log.ndjson'), 'ndjson');
    await expectRefused(at('log.ndjson'), /enough/, AbortSignal.abort(new Error('enough')));
  });

  it('when it is no log, or is not there', async () => {
    writeFileSync(at('text.ndjson'), 'hello\n');
    await expectRefused(at('text.ndjson'), /text\.ndjson: /);
    await expectRefused(at('none.ndjson'), /none\.ndjson: /);
  });

  it('where there is no folder', async () => {
    await writeShortLog(at('log.ndjson'), 'ndjson');
    await expect(convert(at('log.ndjson'), at(`none/out.${to}`), to)).rejects.toThrow(InputError);
  });

  it('when there is a file of that name already, which stays as it is', async () => {
    await writeShortLog(at('log.ndjson'), 'ndjson');
    writeFileSync(out(), 'mine');
    await expectRefused(at('log.ndjson'), /out\.\w+: already exists/);
    expect(readFileSync(out(), 'utf8')).toBe('mine');
  });

  it('when another is writing it, whose file stays', async () => {
    await writeShortLog(at('log.ndjson'), 'ndjson');
    writeFileSync(`${out()}.partial`, 'theirs');
    await expectRefused(at('log.ndjson'), /out\.\w+\.partial: already exists; .*remove it/);
    expect(existsSync(out())).toBe(false);
  });
});

it('a Parquet file is no log, and is refused as what it is', async () => {
  await writeShortLog(at('log.arrow'), 'arrow');
  await convert(at('log.arrow'), at('log.parquet'), 'parquet');
  await expect(convert(at('log.parquet'), at('log.ndjson'), 'ndjson')).rejects.toThrow(
    /log\.parquet: is a Parquet file; expected an event log/,
  );
});

it('the ending of a name says what it is, or the name of a format', () => {
  expect(['a.ndjson', 'b.arrow', 'c.x.parquet'].map(targetFormatOf)).toEqual(['ndjson', 'arrow', 'parquet']);
  expect(() => targetFormatOf('a.csv')).toThrow(/a\.csv: .*ends with \.arrow, \.ndjson, \.parquet, or --to/);
  expect(targetFormatNamed('parquet')).toBe('parquet');
  expect(() => targetFormatNamed('toString')).toThrow(/unknown format 'toString'.*: arrow, ndjson, parquet/);
});

it('the command says what it wrote', async () => {
  const seal = await writeShortLog(at('log.arrow'), 'arrow');
  const args = [DECPOOL, 'convert', at('log.arrow'), at('table'), '--to', 'parquet'];
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
  expect(printed).toMatch(
    new RegExp(
      `^written      .*table: ${seal!.events} events, [\\d,]+ bytes\nstate hash   ${seal!.stateHash}\n$`,
    ),
  );
});

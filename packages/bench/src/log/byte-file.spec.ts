import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteReader } from '../files/byte-reader.ts';
import { atPath, openFile } from './byte-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Bytes that differ from their neighbours and do not repeat within a chunk. */
const BYTES = Uint8Array.from({ length: 2.5 * 2 ** 20 }, (_, at) => 1 + ((at * 31 + (at >>> 8) * 7) % 200));

async function rest(reader: ByteReader): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (;;) {
    const bytes = await reader.some();
    if (bytes.length === 0) return Buffer.concat(parts);
    parts.push(Buffer.from(bytes));
  }
}

const isSame = (found: Uint8Array, expected: Uint8Array) => Buffer.compare(found, expected) === 0;

describe.each([
  ['plain', BYTES],
  ['gzipped', gzipSync(BYTES, { level: 1 })],
] as const)('a %s file of several chunks', (name, stored) => {
  it('gives its bytes from any offset, and says how many of the file it has read', async () => {
    const file = await openFile(written(name, stored));
    expect(await file.size()).toBe(stored.length);
    expect(file).toMatchObject({ isGzip: name === 'gzipped', format: 'ndjson' });
    for (const offset of [
      0,
      1,
      2 ** 20 - 1,
      2 ** 20,
      2 ** 21 + 5,
      BYTES.length - 1,
      BYTES.length,
      BYTES.length + 9,
    ]) {
      const reader = await file.from(offset);
      expect(isSame(await rest(reader), BYTES.subarray(offset)), `from ${offset}`).toBe(true);
      if (offset <= BYTES.length) expect(reader.fetched).toBe(stored.length);
      reader.close();
    }
    await file.close();
  });

  it('gives its bytes if some of them are passed over on the way', async () => {
    const file = await openFile(written(name, stored));
    const reader = await file.from(3);
    expect(isSame(await reader.take(10), BYTES.subarray(3, 13))).toBe(true);
    expect(await reader.skip(2 ** 20 + 100)).toBe(2 ** 20 + 100);
    const at = 13 + 2 ** 20 + 100;
    expect(isSame(await reader.take(50), BYTES.subarray(at, at + 50))).toBe(true);
    expect(await reader.skip(2 ** 30)).toBe(BYTES.length - at - 50);
    expect(await reader.some()).toHaveLength(0);
    expect(await reader.skip(1)).toBe(0);
    reader.close();
    await file.close();
  });
});

it('a plain file is read in chunks of the size that was asked for', async () => {
  const file = await openFile(written('chunks', BYTES));
  const reader = await file.from(0, { chunkBytes: 100 });
  expect(isSame(await reader.some(), BYTES.subarray(0, 100))).toBe(true);
  expect(reader.fetched).toBe(100);
  await file.close();
});

it('the end of a file is not the end as long as more may come', async () => {
  const path = written('growing', BYTES.subarray(0, 100));
  const file = await openFile(path);
  let waits = 0;
  const reader = await file.from(0, {
    waits: async () => {
      waits++;
      if (waits > 2) return false;
      writeFileSync(path, BYTES.subarray(0, 100 + waits));
      return true;
    },
  });
  expect(isSame(await rest(reader), BYTES.subarray(0, 102))).toBe(true);
  expect(waits).toBe(3);
  await file.close();
});

it('a file that begins as an Arrow stream does is one, any other is NDJSON, and two bytes tell a gzip', async () => {
  const kinds: [number[], string, boolean][] = [
    [[0xff], 'arrow', false],
    [[0xfe], 'ndjson', false],
    [[0x1f], 'ndjson', false],
    [[0x1f, 0x8c], 'ndjson', false],
    [[0x1e, 0x8b], 'ndjson', false],
    [[...gzipSync(Uint8Array.of(0xff))], 'arrow', true],
    [[...gzipSync('{')], 'ndjson', true],
  ];
  for (const [bytes, format, isGzip] of kinds) {
    const file = await openFile(written('kind', Uint8Array.from(bytes)));
    expect(file).toMatchObject({ format, isGzip });
    await file.close();
  }
});

it('what is no file, or has nothing in it, is refused with its name', async () => {
  const none = join(folder, 'none');
  await expect(openFile(none)).rejects.toThrow(`${none}: cannot be read: ENOENT`);
  await expect(openFile(none)).rejects.toBeInstanceOf(InputError);
  mkdirSync(join(folder, 'sub'));
  await expect(openFile(join(folder, 'sub'))).rejects.toThrow('sub: is a folder; expected an event log');
  for (const bytes of [new Uint8Array(), gzipSync(new Uint8Array())]) {
    await expect(openFile(written('empty', bytes))).rejects.toThrow('empty: is empty; expected an event log');
  }
});

it('a gzip may expand by 32 MiB and 200 times its size, and no more', async () => {
  const read = async (mebibytes: number) => {
    const file = await openFile(
      written('zeros.gz', gzipSync(new Uint8Array(mebibytes * 2 ** 20), { level: 9 })),
    );
    const reader = await file.from(0);
    let bytes = 0;
    try {
      for (;;) {
        const { length } = await reader.some();
        if (length === 0) return bytes / 2 ** 20;
        bytes += length;
      }
    } finally {
      reader.close();
      await file.close();
    }
  };
  // Zeros are packed to a thousandth: 32 MiB and 0.2 times as much.
  expect(await read(37)).toBe(37);
  await expect(read(44)).rejects.toThrow('this gzip file expands more than 200 times');
});

it('an error names the file, in at most 2000 characters of what was wrong, and a defect stays what it is', () => {
  const message = (error: unknown) => (atPath('a.log', error) as Error).message;
  const text = 'x'.repeat(2000);
  expect(message(new InputError(text))).toBe(`a.log: ${text}`);
  expect(message(new InputError(`${text}y`))).toBe(`a.log: ${text}...`);
  expect(atPath('a.log', new InputError('no'))).toBeInstanceOf(InputError);
  const system = Object.assign(new Error('EIO'), { code: 'EIO' });
  expect(atPath('a.log', system)).toEqual(new InputError('a.log: cannot be read: EIO'));
  for (const defect of [new Error('defect'), 'text', undefined]) expect(atPath('a.log', defect)).toBe(defect);
});

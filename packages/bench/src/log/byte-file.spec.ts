import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ByteReader } from '../files/byte-reader.ts';
import { atPath, openFile } from './byte-file.ts';
import { openBelow } from './testing.ts';

const isLinux = existsSync('/proc/self/fd');
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

let files = 0;
/** A file that no other test has opened. */
const fresh = (bytes: Uint8Array): string => written(`fresh-${++files}`, bytes);

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

it('bytes that were added before the end was met are given without waiting for more', async () => {
  const path = written('added', BYTES.subarray(0, 100));
  const file = await openFile(path);
  let waits = 0;
  const reader = await file.from(0, {
    waits: async () => {
      waits++;
      return false;
    },
  });
  expect(await reader.some()).toHaveLength(100);
  await new Promise((resolve) => setTimeout(resolve, 5));
  appendFileSync(path, BYTES.subarray(100, 104));
  expect(isSame(await reader.some(), BYTES.subarray(100, 104))).toBe(true);
  expect(waits).toBe(0);
  expect(await reader.some()).toHaveLength(0);
  expect(waits).toBe(1);
  reader.close();
  await file.close();
});

it('behind the end of a plain file there is nothing to pass over', async () => {
  const file = await openFile(written('short', BYTES.subarray(0, 10)));
  for (const [offset, skipped] of [
    [8, 2],
    [10, 0],
    [19, 0],
  ]) {
    const reader = await file.from(offset);
    expect(await reader.skip(5)).toBe(skipped);
    expect(await reader.some()).toHaveLength(0);
  }
  await file.close();
});

describe('a file on a disk that does what the spec says', () => {
  const real = promises.open;
  const openBy = (open: typeof real) => {
    promises.open = open;
    syncBuiltinESMExports();
  };
  afterEach(() => openBy(real));

  /** A read that waits until it is let go on, or fails. */
  interface Read {
    readonly at: number;
    readonly goOn: (error?: Error) => void;
  }

  /** An open file, and the reads of it since it was opened. */
  async function opened(name: string) {
    const path = written(name, BYTES);
    const reads: Read[] = [];
    let isOpen = false;
    openBy(async (...args) => {
      const file = await real(...args);
      const read = async (buffer: Uint8Array, from: number, length: number, at: number) => {
        if (isOpen) {
          await new Promise<void>((resolve, reject) => {
            reads.push({ at, goOn: (error) => (error === undefined ? resolve() : reject(error)) });
          });
        }
        return file.read(buffer, from, length, at);
      };
      const held: Partial<FileHandle> = {
        read: read as FileHandle['read'],
        stat: file.stat.bind(file),
        close: file.close.bind(file),
      };
      return held as FileHandle;
    });
    const file = await openFile(path);
    isOpen = true;
    return { file, reads };
  }
  const CHUNK = 2 ** 20;

  it('is read one chunk ahead, while the caller works on the one before it', async () => {
    const { file, reads } = await opened('ahead');
    const reader = await file.from(5);
    const first = reader.some();
    expect(reads.map(({ at }) => at)).toEqual([5]);
    reads[0].goOn();
    const chunk = await first;
    expect(reads.map(({ at }) => at)).toEqual([5, 5 + CHUNK]);
    expect(reader.fetched).toBe(5 + CHUNK);
    reads[1].goOn();
    await new Promise((resolve) => setTimeout(resolve, 5));
    // What was read meanwhile is elsewhere.
    expect(isSame(chunk, BYTES.subarray(5, 5 + CHUNK))).toBe(true);
    expect(isSame(await reader.some(), BYTES.subarray(5 + CHUNK, 5 + 2 * CHUNK))).toBe(true);
    reads[2].goOn();
    await file.close();
  });

  it('is not read ahead in small chunks, or if more may come', async () => {
    for (const options of [{ chunkBytes: 100 }, { waits: async () => false }]) {
      const { file, reads } = await opened('not-ahead');
      const reader = await file.from(0, options);
      const first = reader.some();
      reads[0].goOn();
      await first;
      expect(reads).toHaveLength(1);
      await file.close();
    }
  });

  it('passes over bytes once what it reads ahead has come: nothing writes into the chunk that comes then', async () => {
    const { file, reads } = await opened('passed');
    const reader = await file.from(0);
    const first = reader.some();
    reads[0].goOn();
    await first;
    const skipped = reader.skip(CHUNK + 50);
    const next = skipped.then(() => reader.some());
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(reads).toHaveLength(2);
    reads[1].goOn();
    expect(await skipped).toBe(CHUNK + 50);
    reads[2].goOn();
    expect(isSame(await next, BYTES.subarray(2 * CHUNK + 50))).toBe(true);
    reads[3].goOn();
    await file.close();
  });

  it('reports an error of what it reads ahead to the next call, and to nobody if there is none', async () => {
    const error = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    for (const isCalled of [true, false]) {
      const { file, reads } = await opened('broken');
      const reader = await file.from(0);
      const first = reader.some();
      reads[0].goOn();
      await first;
      reads[1].goOn(error);
      // An error that nobody waits for ends the process in a turn of its own.
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (isCalled) await expect(reader.some()).rejects.toBe(error);
      reader.close();
      await file.close();
    }
  });
});

it('a gzip that cannot be read any more is no damaged one', async () => {
  const path = written('gone.gz', gzipSync('{'));
  const file = await openFile(path);
  rmSync(path);
  await expect(file.from(1)).rejects.toMatchObject({ code: 'ENOENT' });
  const damaged = gzipSync('{"a":1}');
  damaged[damaged.length - 6] ^= 1;
  writeFileSync(path, damaged);
  const found = file.from(1).then(rest);
  await expect(found).rejects.toThrow(new InputError('damaged gzip data: incorrect data check'));
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
  mkdirSync(join(folder, 'sub'), { recursive: true });
  await expect(openFile(join(folder, 'sub'))).rejects.toThrow('sub: is a folder; expected an event log');
  for (const bytes of [new Uint8Array(), gzipSync(new Uint8Array())]) {
    await expect(openFile(written('empty', bytes))).rejects.toThrow('empty: is empty; expected an event log');
  }
});

it('a gzip may expand by 32 MiB and 200 times its size, and no more', async () => {
  const mebibyte = gzipSync(new Uint8Array(2 ** 20), { level: 9 });
  const read = async (mebibytes: number) => {
    const file = await openFile(
      written('zeros.gz', Buffer.concat(new Array<Buffer>(mebibytes).fill(mebibyte))),
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

it('an error names the file, in one line with at most 2000 characters of what was wrong, and a defect stays what it is', () => {
  const message = (error: unknown) => (atPath('a.log', error) as Error).message;
  const text = 'x'.repeat(2000);
  expect(message(new InputError(text))).toBe(`a.log: ${text}`);
  expect(message(new InputError(`${text}y`))).toBe(`a.log: ${text}...`);
  expect(atPath('a.log', new InputError('no'))).toBeInstanceOf(InputError);
  expect(message(new InputError('name "x\n\ny"'))).toBe('a.log: name "x\\n\\ny"');
  const system = Object.assign(new Error('EIO'), { code: 'EIO' });
  expect(atPath('a.log', system)).toEqual(new InputError('a.log: cannot be read: EIO'));
  for (const defect of [new Error('defect'), 'text', undefined]) expect(atPath('a.log', defect)).toBe(defect);
});

it.runIf(isLinux)('no file stays open behind readers that were closed anywhere', async () => {
  for (const bytes of [BYTES, gzipSync(BYTES, { level: 1 })]) {
    const path = fresh(bytes);
    const file = await openFile(path);
    const readers = [await file.from(0), await file.from(0), await file.from(BYTES.length)];
    await readers[1].some();
    for (const reader of readers) reader.close();
    await file.close();
    await expect.poll(() => openBelow(path)).toEqual([]);
  }
});

it.runIf(isLinux)('no file stays open that is refused', async () => {
  for (const bytes of [new Uint8Array(), gzipSync(new Uint8Array())]) {
    const path = fresh(bytes);
    await expect(openFile(path)).rejects.toThrow(path);
    await expect.poll(() => openBelow(path)).toEqual([]);
  }
});

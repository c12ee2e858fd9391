import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, linesIn, shownPath } from './lines.ts';

async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(bytes: Uint8Array, size: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of linesIn(chunksOf(bytes, size), 'trace.txt')) lines.push(...some);
  return lines;
}

const texts = fc
  .array(fc.constantFrom('a', 'line', '\n', '\n', '\r\n', '\r', 'ü', '\u{1f980}', '\uFEFF', '\0', ' '), {
    maxLength: 30,
  })
  .map((parts) => parts.join(''));

describe('the lines of a text', () => {
  it('are what stands between its line ends, of either kind, however its bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom(1, 2, 3, 1000), async (text, size) => {
        fc.pre(!/^[^\0]\0[^\0]\0/.test(text));
        const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
        const lines = plain.split('\n').map((line) => line.replace(/\r$/, ''));
        // Behind the last line end is no line, unless it has characters.
        if (plain === '' || plain.endsWith('\n')) lines.pop();
        expect(await linesOf(Buffer.from(text), size)).toEqual(lines);
      }),
      { numRuns: 150 },
    );
  });

  it('have at most 1 MiB: the number of a longer one is told', async () => {
    const long = 'x'.repeat(2 ** 20);
    expect(await linesOf(Buffer.from(`a\nb\n${long}\nc`), 2 ** 16)).toEqual(['a', 'b', long, 'c']);
    // The last of its reads ends with the line.
    expect(await linesOf(Buffer.from(`${long}\nc`), 2 ** 16)).toEqual([long, 'c']);
    await expect(linesOf(Buffer.from(`a\nb\n${long}y`), 2 ** 16)).rejects.toThrow(
      new InputError('trace.txt:3: a line of more than 1 MiB: this is not a text file'),
    );
    await expect(linesOf(Buffer.from(`a\nb\n${long}y`), 2 ** 21)).rejects.toThrow('trace.txt:3: ');
  });

  it('begin behind a byte order mark at the start of the text only', async () => {
    expect(await linesOf(Buffer.from('\uFEFFa\n\uFEFFb\n'), 100)).toEqual(['a', '\uFEFFb']);
    // The second read begins with one, but not the text.
    expect(await linesOf(Buffer.from('a\n\uFEFFb'), 2)).toEqual(['a', '\uFEFFb']);
  });

  it('end with a mark for a character that is cut off', async () => {
    expect(await linesOf(Buffer.from('a\nü').subarray(0, 3), 2)).toEqual(['a', '\uFFFD']);
  });

  it('are none of a text in UTF-16, with a mark or without', async () => {
    for (const bytes of [Buffer.from('abc', 'utf16le'), Buffer.from('\uFEFFabc', 'utf16le')])
      await expect(linesOf(bytes, 100)).rejects.toThrow(
        new InputError('trace.txt: this is UTF-16 text; make UTF-8 of it with iconv -f UTF-16 -t UTF-8'),
      );
    expect(await linesOf(Buffer.from('a\0b'), 100)).toEqual(['a\0b']);
  });
});

describe('the bytes of a file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-lines-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = async (path: string) => {
    const parts: Uint8Array[] = [];
    for await (const part of bytesOf(path)) parts.push(part);
    return String(Buffer.concat(parts));
  };

  it('are the plain ones', async () => {
    const path = join(folder, 'a');
    writeFileSync(path, gzipSync('text'));
    expect(await read(path)).toBe('text');
    writeFileSync(path, 'text');
    expect(await read(path)).toBe('text');
  });

  it('named - are those of standard input, which messages call so', async () => {
    const usual = Object.getOwnPropertyDescriptor(process, 'stdin');
    const given = (bytes: Uint8Array | AsyncIterable<Uint8Array>) =>
      Object.defineProperty(process, 'stdin', {
        configurable: true,
        value: Readable.from(bytes instanceof Uint8Array ? [bytes] : bytes),
      });
    const error = new TypeError('of no system');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('text');
      throw error;
    };
    try {
      given(gzipSync('text'));
      expect(await read('-')).toBe('text');
      given(gzipSync('text').subarray(0, 20));
      await expect(read('-')).rejects.toThrow(/^standard input: the gzip file is damaged/);
      given(failing());
      await expect(read('-')).rejects.toBe(error);
    } finally {
      Object.defineProperty(process, 'stdin', usual ?? {});
    }
    expect(['-', 'a/-'].map(shownPath)).toEqual(['standard input', 'a/-']);
  });

  it('that cannot be read are named with why', async () => {
    const none = join(folder, 'none');
    await expect(read(none)).rejects.toThrow(new InputError(`${none}: there is no such file`));
    await expect(read(folder)).rejects.toThrow(
      new InputError(`${folder}: this is a folder; a trace is one file`),
    );
    const below = join(folder, 'a', 'b');
    await expect(read(below)).rejects.toThrow(
      new RegExp(`^${below}: cannot be read \\(ENOTDIR: not a directory`),
    );
    const cut = join(folder, 'cut.gz');
    writeFileSync(cut, gzipSync('text').subarray(0, 20));
    await expect(read(cut)).rejects.toThrow(new RegExp(`^${cut}: the gzip file is damaged or cut off`));
    await expect(read(cut)).rejects.toBeInstanceOf(InputError);
  });
});

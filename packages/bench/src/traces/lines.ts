import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '@decpool/model';

const GZIP_MAGIC = [0x1f, 0x8b];

/** Longer than any line of a trace: what has no line end for so long is no text. */
const LONGEST_LINE = 1 << 20;

/**
 * The lines of a text file, plain or gzipped, without their line ends; as many at a time as one read brought, so
 * that a long trace costs neither its size in memory nor a promise per line.
 * Throws InputError that names the file when it cannot be read or is no text.
 */
export async function* linesOf(path: string): AsyncGenerator<readonly string[]> {
  const text = await openText(path);
  let rest = '';
  try {
    for await (const chunk of text) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) throw new InputError(`${path}: this is not a text file`);
      yield lines.map(withoutCarriageReturn);
    }
  } catch (error) {
    throw asInputError(path, error);
  }
  if (rest !== '') yield [withoutCarriageReturn(rest)];
}

const withoutCarriageReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

async function openText(path: string): Promise<Readable> {
  const gzipped = await startsWithGzipMagic(path);
  const file = createReadStream(path);
  // pipeline() rather than pipe(): it passes an error of the file on to the reader of the text.
  const text: Readable = gzipped ? pipeline(file, createGunzip(), () => {}) : file;
  return text.setEncoding('utf8');
}

async function startsWithGzipMagic(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && GZIP_MAGIC.every((byte, at) => buffer[at] === byte);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asInputError(path, error);
  }
}

function asInputError(path: string, error: unknown): Error {
  if (!(error instanceof Error) || !('code' in error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  switch (error.code) {
    case 'ENOENT':
      return new InputError(`${path}: there is no such file`);
    case 'EISDIR':
      return new InputError(`${path}: this is a folder; a trace is one file`);
    case 'Z_BUF_ERROR':
    case 'Z_DATA_ERROR':
      return new InputError(`${path}: the gzip file is damaged or cut off (${error.message})`);
    default:
      return new InputError(`${path}: cannot be read (${error.message})`);
  }
}

import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '@decpool/model';

/** Longer than any line of a trace: a file with a longer one is binary. */
const MAX_LINE = 1 << 20;

/**
 * The lines of a text file, plain or gzipped, without line ends. Each result has the lines of one read, so that no promise per
 * line is needed. Throws InputError with the file if it cannot be read or is no text.
 */
export async function* linesOf(path: string): AsyncGenerator<readonly string[]> {
  let rest = '';
  try {
    const file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    const isGzip = bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    const bytes = file.createReadStream({ start: 0 });
    // pipeline() rather than pipe(): it passes an error of the file on to the reader of the text.
    const text = isGzip ? pipeline(bytes, createGunzip(), () => {}) : bytes;
    for await (const chunk of text.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw new InputError(`${path}: this is not a text file`);
      yield lines.map(withoutCarriageReturn);
    }
  } catch (error) {
    throw asInputError(path, error);
  }
  if (rest !== '') yield [withoutCarriageReturn(rest)];
}

const withoutCarriageReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

function asInputError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
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

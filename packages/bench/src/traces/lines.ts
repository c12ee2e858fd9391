import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { InputError } from '@decpool/model';
import { DamagedFile, decompressed } from './decompressed.ts';

/** Longer than any line of a trace: a file with a longer one is binary. */
const MAX_LINE = 1 << 20;

/** The path that means standard input. */
export const STANDARD_INPUT = '-';

/** The file's name in messages. */
export const shownPath = (path: string): string => (path === STANDARD_INPUT ? 'standard input' : path);

/**
 * The lines of a text file or of standard input, plain or compressed (gzip, xz, zstd), without line ends. Each result has the lines of one
 * read, so that no promise per line is needed. Throws InputError with the file if it cannot be read or is no text.
 */
export async function* linesOf(path: string): AsyncGenerator<readonly string[]> {
  let rest = '';
  try {
    const bytes = path === STANDARD_INPUT ? process.stdin : createReadStream(path);
    const utf8 = new StringDecoder('utf8');
    for await (const chunk of decompressed(bytes)) {
      const lines = (rest + utf8.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))).split(
        '\n',
      );
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw new InputError(`${shownPath(path)}: this is not a text file`);
      yield lines.map(withoutCarriageReturn);
    }
    rest += utf8.end();
  } catch (error) {
    throw asInputError(shownPath(path), error);
  }
  if (rest !== '') yield [withoutCarriageReturn(rest)];
}

const withoutCarriageReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

function asInputError(path: string, error: unknown): unknown {
  if (error instanceof DamagedFile) return new InputError(`${path}: ${error.message}`);
  if (!(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ENOENT':
      return new InputError(`${path}: there is no such file`);
    case 'EISDIR':
      return new InputError(`${path}: this is a folder; a trace is one file`);
    default:
      return new InputError(`${path}: cannot be read (${error.message})`);
  }
}

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
 * The bytes of a file or of standard input, plain or compressed (gzip, xz, zstd). Throws InputError with the file if it cannot
 * be read, is damaged, or grows out of all proportion.
 */
export async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* decompressed(path === STANDARD_INPUT ? process.stdin : createReadStream(path));
  } catch (error) {
    throw asInputError(shownPath(path), error);
  }
}

/**
 * The lines of a text, without line ends. Each result has the lines of one read, so that no promise per line is needed. Throws
 * InputError with the file `path` if it is no text.
 */
export async function* linesIn(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<readonly string[]> {
  const utf8 = new StringDecoder('utf8');
  let rest = '';
  let count = 0;
  let isStart = true;
  for await (const chunk of bytes) {
    const text = utf8.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    const lines = (rest + (isStart ? withoutMark(text, path) : text)).split('\n');
    if (text !== '') isStart = false;
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) {
      const line = count + lines.length + 1;
      throw new InputError(`${shownPath(path)}:${line}: a line of more than 1 MiB: this is not a text file`);
    }
    count += lines.length;
    yield lines.map(withoutCarriageReturn);
  }
  rest += utf8.end();
  if (rest !== '') yield [withoutCarriageReturn(rest)];
}

const withoutCarriageReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** The beginning of a text, without the byte order mark of UTF-8. Throws InputError for UTF-16, as shells of Windows write it. */
function withoutMark(text: string, path: string): string {
  if (/^(?:\uFFFD\uFFFD)?[^\0]\0[^\0]\0/.test(text)) {
    throw new InputError(
      `${shownPath(path)}: this is UTF-16 text; make UTF-8 of it with iconv -f UTF-16 -t UTF-8`,
    );
  }
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

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

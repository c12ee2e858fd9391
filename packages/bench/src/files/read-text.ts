import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { messageOf } from './error-text.ts';

/** The text of a file, plain or gzipped (RFC 1952). Throws InputError if it cannot be read. */
export const readText = (path: string): string => readBytes(path, 'a text file').toString('utf8');

/** The bytes of a file, plain or gzipped. `expected` is what an error says of it. Throws InputError if it cannot be read. */
export function readBytes(path: string, expected: string): Buffer {
  try {
    const bytes = readFileSync(path);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    const reason = messageOf(error);
    throw new InputError(
      `${path}: cannot be read (${reason}); expected ${expected}, or a complete gzip file of it`,
    );
  }
}

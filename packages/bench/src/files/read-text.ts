import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { codeOf, messageOf } from './error-text.ts';

/** The text of a file, plain or gzipped (RFC 1952). Throws InputError if it cannot be read. */
export function readText(path: string): string {
  const bytes = readBytes(path, 'a text file');
  if (bytes.length > MOST_TEXT_BYTES)
    throw new InputError(`${path}: has ${bytes.length} bytes, too many for a text file`);
  return bytes.toString('utf8');
}

/** V8 has no longer strings. */
const MOST_TEXT_BYTES = 2 ** 29 - 25;

/** A text grows ten to thirty times. What grows more than this, past the first bytes, is meant to fill the memory. */
const MAX_GROWTH = 250;
const FREE_BYTES = 2 ** 22;
const MOST_BYTES = 2 ** 30;

/** The bytes of a file, plain or gzipped. `expected` is what an error says of it. Throws InputError if it cannot be read. */
export function readBytes(path: string, expected: string): Buffer {
  try {
    const bytes = readFileSync(path);
    return bytes[0] === 0x1f && bytes[1] === 0x8b
      ? gunzipSync(bytes, { maxOutputLength: Math.min(MOST_BYTES, FREE_BYTES + MAX_GROWTH * bytes.length) })
      : bytes;
  } catch (error) {
    const refusal = `${path}: cannot be read (${messageOf(error)})`;
    // Of the system: nothing is known of what the file holds.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw new InputError(refusal);
    throw new InputError(`${refusal}; expected ${expected}, or a complete gzip file of it`);
  }
}

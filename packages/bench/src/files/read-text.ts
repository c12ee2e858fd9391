import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { messageOf } from './error-text.ts';

/** The text of a file, plain or gzipped (RFC 1952). Throws InputError if it cannot be read. */
export function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    const reason = messageOf(error);
    throw new InputError(
      `${path}: cannot be read (${reason}); expected a text file, or a complete gzip file of it`,
    );
  }
}

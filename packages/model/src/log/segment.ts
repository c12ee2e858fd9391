/**
 * The canonical form of a segment, whichever way its log is stored: what its content hash is made of, and the locator that
 * finds an altered event.
 */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import { type EventColumns, NUMBER_COLUMNS } from '../events/columns.ts';

/**
 * The bytes of a segment, in parts to be hashed one behind the other: each column of numbers in little-endian order (as
 * on every machine that Node runs on), then of each name its row and its length in bytes as uint32, and its UTF-8.
 * Nobody may keep or change them.
 */
export function segmentBytes(batch: EventBatch): Uint8Array[] {
  const columns = columnsOf(batch);
  const parts: Uint8Array[] = NUMBER_COLUMNS.map((name) => {
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = columns[name];
    return new Uint8Array(buffer, byteOffset, batch.length * BYTES_PER_ELEMENT);
  });
  const encoder = new TextEncoder();
  for (const [row, name] of columns.names) {
    const text = encoder.encode(name);
    parts.push(new Uint8Array(Uint32Array.of(row, text.length).buffer), text);
  }
  return parts;
}

/**
 * The locator of a segment: words of 8 hex digits. Each event has a 32-bit hash. The first word is the XOR of all of
 * them; word 1 + b that of the events whose row has bit b set, for as many bits as a row of the segment has. When one event is
 * altered, each word changes by the same difference, or not at all: together the bits of its row.
 */
export function locatorOf(batch: EventBatch): string {
  return wordsOf(batch)
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('');
}

/** Row of the one event that makes a segment differ from its locator, or that none does, or more than one. */
export function alteredRow(batch: EventBatch, locator: string): number | 'none' | 'several' {
  const found = wordsOf(batch);
  if (locator.length !== found.length * 8) return 'several';
  const differences = found.map(
    (word, index) => word ^ Number.parseInt(locator.slice(index * 8, index * 8 + 8), 16),
  );
  const [all, ...bits] = differences;
  if (differences.every((difference) => difference === 0)) return 'none';
  if (all === 0 || bits.some((bit) => bit !== 0 && bit !== all)) return 'several';
  const row = bits.reduce((sum, bit, index) => sum + (bit === 0 ? 0 : 2 ** index), 0);
  return row < batch.length ? row : 'several';
}

function wordsOf(batch: EventBatch): number[] {
  const hashes = eventHashes(columnsOf(batch), batch.length);
  const words: number[] = [0];
  // Folds neighbours into each other: after b rounds an entry is the XOR of 2^b events, and its index their upper bits.
  for (let left = batch.length; left > 1; left = (left + 1) >>> 1) {
    let odd = 0;
    for (let i = 1; i < left; i += 2) odd ^= hashes[i];
    words.push(odd);
    for (let i = 0; i < left; i += 2) hashes[i >>> 1] = hashes[i] ^ (i + 1 < left ? hashes[i + 1] : 0);
  }
  words[0] = batch.length === 0 ? 0 : hashes[0];
  return words;
}

function eventHashes(columns: EventColumns, length: number): Int32Array {
  const hashes = new Int32Array(length);
  const { type, code, owner, request, allocation, pfn, pages, bytes, time } = columns;
  const words = new Uint32Array(time.buffer, time.byteOffset, length * 2);
  for (let row = 0; row < length; row++) {
    let hash = mixed(0x9e3779b9, type[row] | (code[row] << 8) | (owner[row] << 16));
    hash = mixed(hash, request[row]);
    hash = mixed(hash, allocation[row]);
    hash = mixed(hash, pfn[row]);
    hash = mixed(hash, pages[row]);
    hash = mixed(hash, bytes[row]);
    hash = mixed(hash, words[row * 2]);
    hashes[row] = finished(mixed(hash, words[row * 2 + 1]));
  }
  for (const [row, name] of columns.names) {
    let hash = hashes[row];
    for (let i = 0; i < name.length; i++) hash = mixed(hash, name.charCodeAt(i));
    hashes[row] = finished(hash);
  }
  return hashes;
}

/** One round of MurmurHash3 (x86, 32 bit), by Austin Appleby, in the public domain; and its end. */
function mixed(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}
function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

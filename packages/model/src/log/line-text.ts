/**
 * Event lines of an NDJSON log, as bytes. The trick: a line is a template with holes. All lines of one type and code differ
 * only in a few whole numbers. A line is written by copying bytes and putting digits between them, and read by comparing
 * bytes and taking the digits. No object and no string is made on the way.
 *
 * Templates are made from the event schema. A line that fits none of them, such as one with a name, goes through event objects
 * and JSON. That way defines what a line means: the fast way takes only lines with the bytes and in the order of
 * encodeEventLines(). Fields that it leaves out, such as `"align":1`, may be there.
 */
import { InputError } from '../errors.ts';

/** What stands between the numbers of a line. */
export interface Text {
  readonly bytes: Uint8Array;
  /** The same, four bytes at a time, with zeros behind the last. */
  readonly words: Int32Array;
}

const ENCODER = new TextEncoder();

export function textOf(text: string): Text {
  const bytes = ENCODER.encode(text);
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  for (const [at, byte] of bytes.entries()) words[at >> 2] |= byte << (8 * (at & 3));
  return { bytes, words };
}

/** What every line begins with. */
export const SEQ = textOf('{"seq":');
export const TIME = textOf(',"time":');
export const REQUEST = textOf(',"request":');

/** The columns whose numbers lines hold unchanged. */
export const HOLES = ['allocation', 'pfn', 'pages', 'bytes', 'owner'] as const;
export type Hole = (typeof HOLES)[number];

export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new InputError(`not JSON: ${line.length > 60 ? `${line.slice(0, 60)}...` : line}`);
  }
}

/** Digit 0 in ASCII. */
export const ZERO = 48;

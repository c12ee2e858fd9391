/**
 * Event lines of an NDJSON log, as bytes. The trick: a line is a template with holes. All lines of one type and code are
 * alike but for a handful of whole numbers, so to write one is to copy bytes and to put digits between them, and to read
 * one is to compare bytes and to take digits from between them. No object and no string is made on the way.
 *
 * Templates are made from the event schema, so a new type of event needs nothing here. What fits
 * none of them, such as a name, goes the general way, through event objects and JSON. That way defines what a line
 * means: the fast way takes a line only when it is written to the byte as encodeEventLines() writes it.
 */

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

/** The columns whose numbers stand in lines as they are. */
export const HOLES = ['allocation', 'pfn', 'pages', 'bytes', 'owner'] as const;
export type Hole = (typeof HOLES)[number];

/** Digit 0 in ASCII. */
export const ZERO = 48;

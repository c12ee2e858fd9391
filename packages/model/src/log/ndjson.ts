/**
 * NDJSON: the log for people. A line of header, a line an event, a line of trailer; each is a JSON object.
 */
import { InputError } from '../errors.ts';
import { type EventBatch, EventRows } from '../events/columns.ts';
import { type LogHeader, parseHeader } from './header.ts';
import type { LogTrailer } from './trailer.ts';
import { parseTrailer } from './trailer.ts';

export const encodeHeaderLine = (header: LogHeader): string => `${JSON.stringify(header)}\n`;

export const encodeTrailerLine = (trailer: LogTrailer): string => `${JSON.stringify({ trailer })}\n`;

/** The lines of a batch. */
export function encodeLines(batch: EventBatch): string {
  let text = '';
  for (let row = 0; row < batch.length; row++) text += `${JSON.stringify(batch.at(row))}\n`;
  return text;
}

/** Decodes a log line by line into batches of at most `batchRows` events. */
export class NdjsonDecoder {
  readonly #rows: EventRows;
  #header: LogHeader | undefined;
  #trailer: LogTrailer | undefined;
  #seq = 0;

  constructor(batchRows = 4096) {
    this.#rows = new EventRows(batchRows);
  }

  get header(): LogHeader | undefined {
    return this.#header;
  }

  get trailer(): LogTrailer | undefined {
    return this.#trailer;
  }

  /**
   * Takes one line without its newline; gives a batch when one is full.
   * Throws InputError about the line's content; the caller knows file and line.
   */
  push(line: string): EventBatch | undefined {
    if (this.#trailer !== undefined) throw new InputError('the log goes on after its trailer');
    const value = parseJson(line);
    if (this.#header === undefined) {
      this.#header = parseHeader(value);
      return undefined;
    }
    if (typeof value === 'object' && value !== null && 'trailer' in value) {
      this.#trailer = parseTrailer(value.trailer, this.#seq);
      return this.finish();
    }
    const seq = (value as { seq?: unknown } | null)?.seq;
    if (seq !== this.#seq) {
      throw new InputError(`event ${JSON.stringify(seq)} comes where event ${this.#seq} is next`);
    }
    this.#rows.appendObject(value);
    this.#seq++;
    return this.#rows.isFull ? this.finish() : undefined;
  }

  /** Gives what is left, also of a log that ends without a trailer. */
  finish(): EventBatch | undefined {
    return this.#rows.length === 0 ? undefined : this.#rows.seal(this.#seq - this.#rows.length);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new InputError(`not JSON: ${line.length > 60 ? `${line.slice(0, 60)}...` : line}`);
  }
}

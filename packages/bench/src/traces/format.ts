import type { SharedExpression } from './shared-expression.ts';
import type { TraceRequests } from './trace-requests.ts';

/** What a trace does not contain. Each format uses the options that it needs. */
export interface ImportOptions {
  /** Which allocations are requests for shared memory. Default: none of the pages, all of the kmalloc objects. */
  readonly shared?: SharedExpression | undefined;
  /** Lifetime, in ns, of streaming mappings whose end is not recorded. Default: MAPPING_LIFETIME. */
  readonly mappingLifetime?: number;
}

/** Reads the lines of one file, in order, and writes their requests into a TraceRequests. */
export interface TraceReader {
  /** Reads a line that is not blank. Returns what was expected if it is malformed; never throws because of the text. */
  read(text: string): string | undefined;
  /** Call after the last line. */
  end(): void;
}

export interface TraceFormat {
  readonly name: string;
  /** One sentence on the requests of such a file. */
  readonly description: string;
  /** A line of such a file, for error messages. */
  readonly example: string;
  /** Whether --shared chooses among the allocations of such a file. If not, all of them are shared memory. */
  readonly takesShared: boolean;
  /** Binary files with the same content: their first bytes, and what to do with them. */
  readonly binaryFiles?: Readonly<Record<string, string>>;
  /** Whether the line can only come from a file of this format. Comments and blank lines are not enough. */
  recognises(text: string): boolean;
  /** Starts a file; `name` is the file's name without folder and extensions. */
  reader(into: TraceRequests, name: string, options: ImportOptions): TraceReader;
}

/** Gives the next line of a file to its reader, and counts the lines that are blank or malformed. */
export function readLine(reader: TraceReader, into: TraceRequests, text: string): void {
  into.lineRead();
  if (text.trim() === '') {
    into.ignore('blank lines');
    return;
  }
  const reason = reader.read(text);
  if (reason !== undefined) into.unparsed(text, reason);
}

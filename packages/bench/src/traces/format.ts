import type { SharedExpression } from './shared-expression.ts';
import type { TraceRequests } from './trace-requests.ts';

/** What a trace does not say; each format uses the options that it needs. */
export interface ImportOptions {
  /** Which page allocations are requests for shared memory. Default: none; all are background. */
  readonly shared?: SharedExpression;
  /** Lifetime, in ns, of streaming mappings whose end is not recorded. Default: MAPPING_LIFETIME. */
  readonly mappingLifetime?: number;
}

/** Reads the lines of one file, in order, and writes their requests into a TraceRequests. */
export interface LineReader {
  /** `line` counts from 1. Never throws because of the text: see `TraceRequests.unparsed`. */
  read(text: string, line: number): void;
  /** After the last line. */
  end(): void;
}

/** One kind of trace file. */
export interface TraceFormat {
  readonly name: string;
  /** One sentence: the requests of such a file. */
  readonly description: string;
  /** A line of such a file, for error messages. */
  readonly example: string;
  /** Whether the line can only come from a file of this format. Comments and other filling are not enough. */
  recognises(text: string): boolean;
  /** A reader of one file; `name` is the file's name without folder and extensions. */
  reader(into: TraceRequests, name: string, options: ImportOptions): LineReader;
}

import type { SharedExpression } from './shared-expression.ts';
import type { TraceRequests } from './trace-requests.ts';

/** How to read what a trace leaves open; each format takes what concerns it. */
export interface ImportOptions {
  /** Which page allocations are requests for shared memory; none unless told: all are background. */
  readonly shared?: SharedExpression;
  /** How long a streaming mapping lasts whose end is not recorded, in ns; MAPPING_LIFETIME unless told. */
  readonly mappingLifetime?: number;
}

/** Takes the lines of one file, in order, and writes what they ask for into a TraceRequests. */
export interface LineReader {
  /** `line` counts from 1. Never throws for what is in the text: that is `TraceRequests.unparsed`. */
  read(text: string, line: number): void;
  /** After the last line. */
  end(): void;
}

/** One kind of trace file. */
export interface TraceFormat {
  readonly name: string;
  /** What the requests of such a file are, in one sentence. */
  readonly description: string;
  /** A line as it stands in such a file, for the message that a file is none. */
  readonly example: string;
  /** Whether the line can only come from a file of this format. Comments and other filling are not enough. */
  recognises(text: string): boolean;
  /** A reader of one file; `name` is the file's name without folder and extensions. */
  reader(into: TraceRequests, name: string, options: ImportOptions): LineReader;
}

import { basename } from 'node:path';
import { InputError } from '@decpool/model';
import { type Workload, workload } from '../workloads/workload.ts';
import type { ImportOptions, LineReader, TraceFormat } from './format.ts';
import { dmaRequests } from './formats/dma-requests.ts';
import { dmaTrace } from './formats/dma-trace.ts';
import { kernelEvents } from './formats/kernel-events.ts';
import { requestSequence } from './formats/request-sequence.ts';
import { linesOf } from './lines.ts';
import { excerpt, type SanityReport } from './sanity.ts';
import { SHARED_EXAMPLE } from './shared-expression.ts';
import { TraceRequests } from './trace-requests.ts';

/**
 * Every kind of trace there is. A line belongs to at most one; a file whose beginning has lines of several is of the
 * first of them: probes tell more of a buffer than the kernel's own events, and the two must not both count.
 */
export const TRACE_FORMATS: readonly TraceFormat[] = [dmaRequests, dmaTrace, requestSequence, kernelEvents];

export interface ImportedTrace {
  readonly workload: Workload;
  readonly sanity: SanityReport;
  /** Name of the TraceFormat. */
  readonly format: string;
}

/** Lines that may come before the first one that tells the format. */
const LINES_TO_TELL = 10_000;

/**
 * The requests of a trace file, plain or gzipped; its format is recognised by its content. The workload has the
 * file's name without folder and extensions, and times in ns since the first request. Throws InputError that names the file
 * and, if there is one, the line. Throws InputError for options that the format does not use.
 */
export async function importTrace(path: string, options: ImportOptions = {}): Promise<ImportedTrace> {
  const name = nameOf(path);
  const into = new TraceRequests();
  let chosen: { readonly format: TraceFormat; readonly reader: LineReader } | undefined;
  let unread: string[] = [];
  let line = 0;
  for await (const lines of linesOf(path)) {
    unread = unread.concat(lines);
    if (chosen === undefined) {
      const format = formatOf(lines);
      if (format === undefined) {
        if (unread.length < LINES_TO_TELL) continue;
        throw unknownFormat(path, unread);
      }
      refuseIdleOptions(path, format, options);
      chosen = { format, reader: format.reader(into, name, options) };
    }
    for (const text of unread) {
      into.lineRead();
      chosen.reader.read(text, ++line);
    }
    unread = [];
  }
  if (chosen === undefined) throw unknownFormat(path, unread);
  chosen.reader.end();
  into.end();
  const sanity = into.report();
  refuseUseless(path, chosen.format, sanity, options);
  return {
    workload: workload({
      name,
      description: chosen.format.description,
      requests: into.requests,
      notes: into.notes,
    }),
    sanity,
    format: chosen.format.name,
  };
}

/** `dma_trace` for `recordings/dma_trace.txt.gz`. */
function nameOf(path: string): string {
  return basename(path).replace(/(?:\.(?:txt|log|ndjson|jsonl))?(?:\.gz)?$/, '');
}

function formatOf(lines: readonly string[]): TraceFormat | undefined {
  return TRACE_FORMATS.find((format) => lines.some((text) => format.recognises(text)));
}

/** What stands in the first line of recordings that are no text, and how to make text of them. */
const BINARY_TRACES: Readonly<Record<string, string>> = {
  '\u0017\bDtracing': 'this is a recording of trace-cmd; give what `trace-cmd report` prints of it',
  PERFILE2: 'this is a recording of perf; give what `perf script` prints of it',
};

function unknownFormat(path: string, lines: readonly string[]): InputError {
  const telling = lines.findIndex((text) => text.trim() !== '' && !text.startsWith('#'));
  const found =
    telling === -1
      ? `${path}: there is nothing in this file`
      : `${path}:${telling + 1}: not a line of a known trace format: ${excerpt(lines[telling])}`;
  const tool = Object.keys(BINARY_TRACES).find((magic) => lines[0]?.includes(magic));
  if (tool !== undefined) return new InputError(`${path}: ${BINARY_TRACES[tool]}`);
  const formats = TRACE_FORMATS.map(({ name, example }) => `  ${name}: ${example}`);
  return new InputError([found, 'known formats, each with a line of it:', ...formats].join('\n'));
}

/** A trace whose every allocation is a request for shared memory already has nothing to choose from. */
function refuseIdleOptions(path: string, format: TraceFormat, { shared }: ImportOptions): void {
  if (shared === undefined || format === kernelEvents) return;
  throw new InputError(
    `${path}: --shared chooses among page allocations, and this is a ${format.name} trace: all of it is shared memory`,
  );
}

/** A trace that gives no request, or more riddles than requests, is a mistake and not a workload. */
function refuseUseless(
  path: string,
  format: TraceFormat,
  sanity: SanityReport,
  { shared }: ImportOptions,
): void {
  const mostlyBad = sanity.unparsed.count * 2 > sanity.linesRead;
  if (!mostlyBad && sanity.requests > 0) return;
  if (!mostlyBad && sanity.background.allocations > 0) throw nothingShared(path, sanity, shared?.text);
  const summary = mostlyBad
    ? `${sanity.unparsed.count} of ${sanity.linesRead} lines are not ${format.name} lines`
    : `no request in ${sanity.linesRead} lines of ${format.name}`;
  const [bad] = sanity.unparsed.first;
  throw new InputError(
    bad === undefined
      ? `${path}: ${summary}; a line that makes one: ${format.example}`
      : `${path}:${bad.line}: ${bad.reason}: ${excerpt(bad.text)} (${summary}; for example: ${format.example})`,
  );
}

function nothingShared(
  path: string,
  { background }: SanityReport,
  expression: string | undefined,
): InputError {
  if (expression !== undefined) {
    return new InputError(
      `${path}: none of its ${background.allocations} page allocations is one with --shared '${expression}'; another example: ${SHARED_EXAMPLE}`,
    );
  }
  return new InputError(
    [
      `${path}: all of its ${background.allocations} page allocations are background: pages that others use, with no request for shared memory among them.`,
      `Say which of them would be shared, by order, gfp flag, task or migratetype: ${SHARED_EXAMPLE}`,
    ].join('\n'),
  );
}

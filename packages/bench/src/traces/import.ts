import { basename } from 'node:path';
import { InputError } from '@decpool/model';
import { type Workload, workload } from '../workloads/workload.ts';
import { dmaRequests } from './dma-requests.ts';
import { dmaTrace } from './dma-trace.ts';
import type { LineReader, TraceFormat } from './format.ts';
import { linesOf } from './lines.ts';
import { requestSequence } from './request-sequence.ts';
import { excerpt, type SanityReport } from './sanity.ts';
import { TraceRequests } from './trace-requests.ts';

/** Every kind of trace there is. A line belongs to at most one, so their order does not matter. */
export const TRACE_FORMATS: readonly TraceFormat[] = [dmaRequests, dmaTrace, requestSequence];

export interface ImportedTrace {
  readonly workload: Workload;
  readonly sanity: SanityReport;
  /** Name of the TraceFormat. */
  readonly format: string;
}

/** Lines that may come before the first one that tells the format. */
const LINES_TO_TELL = 10_000;

/**
 * The requests of a trace file, plain or gzipped; its format is told from its content. The workload carries the
 * file's name without folder and extensions, and times in ns since the first request.
 * Throws InputError that names the file and, where there is one, the line.
 */
export async function importTrace(path: string): Promise<ImportedTrace> {
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
      chosen = { format, reader: format.reader(into, name) };
    }
    for (const text of unread) {
      into.lineRead();
      chosen.reader.read(text, ++line);
    }
    unread = [];
  }
  if (chosen === undefined) throw unknownFormat(path, unread);
  chosen.reader.end();
  const sanity = into.report();
  refuseUseless(path, chosen.format, sanity);
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
  for (const text of lines) {
    const format = TRACE_FORMATS.find((candidate) => candidate.recognises(text));
    if (format !== undefined) return format;
  }
  return undefined;
}

function unknownFormat(path: string, lines: readonly string[]): InputError {
  const telling = lines.findIndex((text) => text.trim() !== '' && !text.startsWith('#'));
  const found =
    telling === -1
      ? `${path}: there is nothing in this file`
      : `${path}:${telling + 1}: not a line of a known trace format: ${excerpt(lines[telling])}`;
  const formats = TRACE_FORMATS.map(({ name, example }) => `  ${name}: ${example}`);
  return new InputError([found, 'known formats, each with a line of it:', ...formats].join('\n'));
}

/** A trace that gives no request, or more riddles than requests, is a mistake and not a workload. */
function refuseUseless(path: string, format: TraceFormat, sanity: SanityReport): void {
  const mostlyBad = sanity.unparsed.count * 2 > sanity.linesRead;
  if (!mostlyBad && sanity.requests > 0) return;
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

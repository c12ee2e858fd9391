import type { Request } from '@decpool/model';
import { type ImportOptions, readLine, type TraceFormat } from './format.ts';
import type { SanityReport } from './sanity.ts';
import { TraceRequests } from './trace-requests.ts';

/** For specs: what a format makes of these lines, without a file and without the refusals of importTrace(). */
export function readLines(
  format: TraceFormat,
  lines: readonly string[],
  options: ImportOptions = {},
): {
  readonly requests: readonly Request[];
  readonly notes: readonly string[];
  readonly sanity: SanityReport;
} {
  const into = new TraceRequests();
  const reader = format.reader(into, 'trace', options);
  for (const text of lines) readLine(reader, into, text);
  reader.end();
  return { requests: into.requests, notes: into.notes, sanity: into.report() };
}

/** For specs: the lines that a report accounts for; of a report that adds up, as many as were read. */
export function accountedLines(report: SanityReport): number {
  const ignored = Object.values(report.ignored).reduce((sum, count) => sum + count, 0);
  const { requests, frees, background, doubleAllocs, assumedFrees, groupedFrees } = report;
  const made =
    requests + frees + background.allocations + background.frees - doubleAllocs - assumedFrees - groupedFrees;
  return made + report.failedAllocations + report.freesWithoutAlloc + report.unparsed.count + ignored;
}

/** For specs: what a request is about, an allocation or a chunk of the background. */
export const nameOf = (request: Request): number =>
  'allocation' in request ? request.allocation : request.key;

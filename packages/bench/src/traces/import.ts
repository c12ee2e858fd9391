import { basename } from 'node:path';
import { InputError, type Request } from '@decpool/model';
import { columnsOf, RequestColumns, RequestPacker } from '../workloads/request-columns.ts';
import { withFrees } from '../workloads/request-list.ts';
import type { Requests } from '../workloads/requests.ts';
import { type Workload, workload } from '../workloads/workload.ts';
import { type ImportOptions, readLine, type TraceFormat, type TraceReader } from './format.ts';
import { bytesOf, linesIn, STANDARD_INPUT, shownPath } from './lines.ts';
import { adviceOn } from './other-tools.ts';
import { TRACE_FORMATS } from './registry.ts';
import type { RequestSink, TraceFacts } from './request-sink.ts';
import { isRequestsFile, readRequestsFile } from './requests-file/read.ts';
import { excerpt, type SanityReport } from './sanity.ts';
import { SHARED_EXAMPLE } from './shared-expression.ts';
import { TraceRequests } from './trace-requests.ts';

/** The requests of a trace, and what was odd in it. */
export interface ImportedTrace<Sequence extends Requests = readonly Request[]> {
  readonly workload: Workload<Sequence>;
  readonly sanity: SanityReport;
  /** Name of the TraceFormat. */
  readonly format: string;
}

/** The format must be recognised within so many lines. */
const LINES_TO_RECOGNISE = 10_000;

/**
 * The requests of a trace file, plain or compressed, or of standard input (`-`); its content tells the format. Times are ns since the first request. Throws
 * InputError with the file, and the line if there is one; also for options that the format does not use.
 */
export async function importTrace(path: string, options: ImportOptions = {}): Promise<ImportedTrace> {
  const { workload, ...facts } = await importPacked(path, options);
  return { ...facts, workload: { ...workload, requests: [...workload.requests] } };
}

/** As importTrace(); the requests are in columns, outside the heap. */
export async function importPacked(
  path: string,
  options: ImportOptions = {},
): Promise<ImportedTrace<RequestColumns>> {
  const read = new RequestPacker();
  const { name, format, notes, sanity, lateFrees } = await readTrace(path, options, {
    add: (request) => read.add(request),
    drain: async () => {},
  });
  const inOrder = new RequestColumns(read.packed());
  const requests = lateFrees.length === 0 ? inOrder : columnsOf(withFrees(inOrder, lateFrees));
  return {
    workload: workload({ name, description: format.description, requests, notes }),
    sanity,
    format: format.name,
  };
}

/** As importTrace(), but keeps no request: memory does not grow with the file. `lateFrees` belong among the requests (withFrees()). */
export async function readTrace(
  path: string,
  options: ImportOptions,
  sink: RequestSink,
): Promise<TraceFacts & Pick<TraceRequests, 'lateFrees'>> {
  const { isFile, bytes } = await isRequestsFile(bytesOf(path));
  if (isFile) return { ...(await readRequestsFile(bytes, path, options, sink)), lateFrees: [] };
  return readText(bytes, path, options, sink);
}

/** As readTrace(), of the unpacked bytes of a text. */
export async function readText(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  options: ImportOptions,
  sink: RequestSink,
): Promise<TraceFacts & Pick<TraceRequests, 'lateFrees'>> {
  const name = workloadName(path);
  const into = new TraceRequests(sink.add);
  const format = await readLines(bytes, path, name, options, into, sink);
  const sanity = into.report();
  refuseUseless(shownPath(path), format, sanity, options, into.hints);
  return { name, format, notes: into.notes, sanity, lateFrees: into.lateFrees };
}

const workloadName = (path: string): string =>
  path === STANDARD_INPUT
    ? 'standard-input'
    : basename(path).replace(/(?:\.(?:txt|log|ndjson|jsonl|trace|csv))?(?:\.(?:gz|xz|zst))?$/, '');

/** Reads all lines. Returns the format that recognised one of the first. */
async function readLines(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  name: string,
  options: ImportOptions,
  into: TraceRequests,
  sink: RequestSink,
): Promise<TraceFormat> {
  let format: TraceFormat | undefined;
  let reader: TraceReader | undefined;
  let unread: string[] = [];
  for await (const lines of linesIn(bytes, path)) {
    if (reader === undefined) {
      unread = unread.concat(lines);
      format = TRACE_FORMATS.find(({ recognises }) => lines.some(recognises));
      if (format === undefined) {
        if (unread.length < LINES_TO_RECOGNISE) continue;
        break;
      }
      expectUsed(shownPath(path), format, options);
      await sink.begin?.({ name, format });
      reader = format.reader(into, name, options);
      for (const text of unread) readLine(reader, into, text);
      unread = [];
    } else {
      for (const text of lines) readLine(reader, into, text);
    }
    await sink.drain();
  }
  if (format === undefined || reader === undefined) throw unknownFormat(shownPath(path), unread);
  reader.end();
  await sink.drain();
  return format;
}

/** Throws InputError if --shared is given for a format that does not use it. */
function expectUsed(path: string, { name, takesShared }: TraceFormat, { shared }: ImportOptions): void {
  if (shared === undefined || takesShared) return;
  const why = `this is a ${name} trace: all of it is shared memory`;
  throw new InputError(`${path}: --shared chooses among page allocations, and ${why}`);
}

function unknownFormat(path: string, lines: readonly string[]): InputError {
  for (const { binaryFiles = {} } of TRACE_FORMATS) {
    const magic = Object.keys(binaryFiles).find((start) => lines[0]?.includes(start));
    if (magic !== undefined) return new InputError(`${path}: ${binaryFiles[magic]}`);
  }
  const other = adviceOn(lines);
  if (other !== undefined) return new InputError(`${path}:${other.line}: ${other.advice}`);
  const first = lines.findIndex((text) => text.trim() !== '' && !text.startsWith('#'));
  if (first === -1) {
    const isEmpty = lines.every((text) => text.trim() === '');
    return new InputError(`${path}: there is nothing in this file${isEmpty ? '' : ' but comments'}`);
  }
  const found = `${path}:${first + 1}: not a line of a known trace format: ${excerpt(lines[first])}`;
  const formats = TRACE_FORMATS.map(({ name, example }) => `  ${name}: ${example}`);
  return new InputError([found, 'known formats, each with a line of it:', ...formats].join('\n'));
}

/** A trace with no request, or with more malformed lines than others, is not a workload. */
function refuseUseless(
  path: string,
  { name, example }: TraceFormat,
  { linesRead, requests, unparsed, background }: SanityReport,
  { shared }: ImportOptions,
  hints: readonly string[],
): void {
  const mostlyBad = unparsed.count * 2 > linesRead;
  if (!mostlyBad && requests > 0) return;
  if (!mostlyBad && background.allocations > 0) {
    const count = `of its ${background.allocations} page allocations`;
    throw new InputError(
      shared !== undefined
        ? [
            `${path}: none ${count} is one with --shared '${shared.text}'; another example: ${SHARED_EXAMPLE}`,
            ...hints,
          ].join('\n')
        : `${path}: all ${count} are background: pages that others use, with no request for shared memory among them.\n` +
            `Say which of them would be shared, by order, gfp flag, task or migratetype: ${SHARED_EXAMPLE}`,
    );
  }
  const summary = mostlyBad
    ? `${unparsed.count} of ${linesRead} lines are not ${name} lines`
    : `no request in ${linesRead} lines of ${name}`;
  const [bad] = unparsed.first;
  throw new InputError(
    bad === undefined
      ? `${path}: ${summary}; a line that makes one: ${example}`
      : `${path}:${bad.line}: ${bad.reason}: ${excerpt(bad.text)} (${summary}; for example: ${example})`,
  );
}

import { basename } from 'node:path';
import { InputError } from '@decpool/model';
import { type Workload, workload } from '../workloads/workload.ts';
import { type ImportOptions, readLine, type TraceFormat, type TraceReader } from './format.ts';
import { linesOf, STANDARD_INPUT, shownPath } from './lines.ts';
import { adviceOn } from './other-tools.ts';
import { TRACE_FORMATS } from './registry.ts';
import { excerpt, type SanityReport } from './sanity.ts';
import { SHARED_EXAMPLE } from './shared-expression.ts';
import { TraceRequests } from './trace-requests.ts';

/** The requests of a trace, and what was odd in it. */
export interface ImportedTrace {
  readonly workload: Workload;
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
  const name =
    path === STANDARD_INPUT
      ? 'standard-input'
      : basename(path).replace(/(?:\.(?:txt|log|ndjson|jsonl|trace|csv))?(?:\.(?:gz|xz|zst))?$/, '');
  const shown = shownPath(path);
  const into = new TraceRequests();
  let format: TraceFormat | undefined;
  let reader: TraceReader | undefined;
  let unread: string[] = [];
  for await (const lines of linesOf(path)) {
    unread = unread.concat(lines);
    if (reader === undefined) {
      format = TRACE_FORMATS.find(({ recognises }) => lines.some(recognises));
      if (format === undefined) {
        if (unread.length < LINES_TO_RECOGNISE) continue;
        break;
      }
      if (options.shared !== undefined && !format.takesShared) {
        const why = `this is a ${format.name} trace: all of it is shared memory`;
        throw new InputError(`${shown}: --shared chooses among page allocations, and ${why}`);
      }
      reader = format.reader(into, name, options);
    }
    for (const text of unread) readLine(reader, into, text);
    unread = [];
  }
  if (format === undefined || reader === undefined) throw unknownFormat(shown, unread);
  reader.end();
  into.end();
  const sanity = into.report();
  refuseUseless(shown, format, sanity, options, into.hints);
  const { requests, notes } = into;
  return {
    workload: workload({ name, description: format.description, requests, notes }),
    sanity,
    format: format.name,
  };
}

function unknownFormat(path: string, lines: readonly string[]): InputError {
  for (const { binaryFiles = {} } of TRACE_FORMATS) {
    const magic = Object.keys(binaryFiles).find((start) => lines[0]?.includes(start));
    if (magic !== undefined) return new InputError(`${path}: ${binaryFiles[magic]}`);
  }
  const other = adviceOn(lines);
  if (other !== undefined) return new InputError(`${path}:${other.line}: ${other.advice}`);
  const first = lines.findIndex((text) => text.trim() !== '' && !text.startsWith('#'));
  const found =
    first === -1
      ? `${path}: there is nothing in this file`
      : `${path}:${first + 1}: not a line of a known trace format: ${excerpt(lines[first])}`;
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

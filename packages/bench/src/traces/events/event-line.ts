/**
 * Lines of trace events, as tracefs (kernel/trace/trace_output.c), `trace-cmd report` and `perf script` print them:
 *
 *     kworker/u4:1-25       [000] d..1.     7.421072: setdec: ...
 *     TASK-PID              CPU   FLAGS     SECONDS   EVENT:  FIELDS
 *
 *     dd            7525    [000]         338.306014: kmem:mm_page_alloc: ...
 *     TASK  [PID/]TID       CPU           SECONDS     SYSTEM:EVENT:       FIELDS
 *
 * In tracefs a (TGID) may stand before the CPU. FLAGS are 4 characters, 5 since Linux 5.14, or absent.
 */
import { parseSeconds, type Timestamp } from './timestamps.ts';

export interface TraceEvent {
  /** NAME-PID. */
  readonly task: string;
  readonly at: Timestamp;
  /** The event's name, or STACK_TRACE. */
  readonly event: string;
  readonly fields: string;
}

/** The event of tracefs that precedes the stack frames of the same task's event before it. */
export const STACK_TRACE = '<stack trace>';

/** A task's name may hold spaces, dashes and colons, so it ends at the last dash before a PID and a [CPU]. */
const TRACEFS =
  /^\s*(\S.*?-\d+)\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]\s+(?:\S{4,5}\s+)?(\d+\.\d+):\s+(?:(<stack trace>)|(\w+):)\s*(.*)$/;
const PERF =
  /^\s*(\S.{0,31}?)\s+(?:\d+\/)?(\d+)\s+(?:\[\d+\]\s+)?(\d+\.\d+):\s+(?:\d+\s+)?\w+:(\w+):\s*(.*)$/;

export const EXPECTED_EVENT =
  'not a line of tracefs (TASK-PID [CPU] SECONDS: EVENT: FIELDS) or of perf script (TASK TID [CPU] SECONDS: SYSTEM:EVENT: FIELDS)';

/** The event of a line; undefined for any other line. */
export function parseTraceEvent(text: string): TraceEvent | undefined {
  const tracefs = TRACEFS.exec(text);
  if (tracefs !== null) {
    const [, task, seconds, stackTrace, name, fields] = tracefs;
    return eventAt(seconds, task, stackTrace ?? name, fields);
  }
  const perf = PERF.exec(text);
  if (perf === null) return undefined;
  const [, task, tid, seconds, event, fields] = perf;
  return eventAt(seconds, `${task}-${tid}`, event, fields);
}

function eventAt(seconds: string, task: string, event: string, fields: string): TraceEvent | undefined {
  const at = parseSeconds(seconds);
  return at === undefined ? undefined : { task, at, event, fields };
}

/** The name of a task without its PID. */
export const taskName = (task: string): string => task.slice(0, task.lastIndexOf('-'));

const TRACEFS_FRAME = /^ => ([^\s+]+)/;
const PERF_FRAME = /^\s+[0-9a-f]+ ([^\s+]+)/;

/** The function of a line of a stack trace, without offset and module; undefined for any other line. */
export const parseStackFrame = (text: string): string | undefined =>
  (TRACEFS_FRAME.exec(text) ?? PERF_FRAME.exec(text))?.[1];

const BUFFER_COUNTS = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;
const LOST_EVENTS = /^CPU:\d+ \[LOST (\d+) EVENTS\]/;
/** What `trace-cmd report` prints before the first event. */
const TRACE_CMD_HEADER = /^(?:cpus=\d+|version = \d+|CPU \d+ is empty)$/;

/** How many entries are missing after a comment of a tool: 0 for most of them. Undefined for any other line. */
export function missingEntries(text: string): number | undefined {
  const counts = BUFFER_COUNTS.exec(text);
  if (counts !== null) return Number(counts[2]) - Number(counts[1]);
  const lost = LOST_EVENTS.exec(text);
  if (lost !== null) return Number(lost[1]);
  return text.startsWith('#') || TRACE_CMD_HEADER.test(text) ? 0 : undefined;
}

/**
 * A line of text as tracefs writes it (kernel/trace/trace_output.c). The parts before the event's name:
 *
 *     kworker/u4:1-25      [000] d..1.     7.421072: setdec: ...
 *     TASK-PID             CPU   FLAGS     SECONDS   EVENT: FIELDS
 *
 * A task's name may hold spaces, dashes and colons, so the name ends at the last dash before a PID and a [CPU].
 * A (TGID) may stand between the two. FLAGS are 4 characters, 5 since Linux 5.14, or none at all.
 */
import { parseSeconds, type Timestamp } from './timestamps.ts';

export interface TracefsEvent {
  /** NAME-PID. */
  readonly task: string;
  readonly at: Timestamp;
  /** The event's name, or STACK_TRACE. */
  readonly event: string;
  readonly fields: string;
}

/** The event that announces the frames of the event before it, by the same task. */
export const STACK_TRACE = '<stack trace>';

const LINE =
  /^\s*(\S.*?-\d+)\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]\s+(?:\S{4,5}\s+)?(\d+\.\d+):\s+(?:(<stack trace>)|(\w+):)\s*(.*)$/;

export function parseTracefsEvent(text: string): TracefsEvent | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, task, seconds, stackTrace, name, fields] = match;
  const at = parseSeconds(seconds);
  return at === undefined ? undefined : { task, at, event: stackTrace ?? name, fields };
}

const FRAME = /^ => ([^\s+]+)/;

/** The function of a line below `<stack trace>`, without offset and module. */
export const parseStackFrame = (text: string): string | undefined => FRAME.exec(text)?.[1];

/** The name of a task without its PID. */
export const taskName = (task: string): string => task.slice(0, task.lastIndexOf('-'));

const BUFFER_COUNTS = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;
const LOST_EVENTS = /^CPU:\d+ \[LOST (\d+) EVENTS\]/;

/** How many entries a line says are missing: of a header whose ring buffer overran, or a mark of lost events. */
export function missingEntries(text: string): number | undefined {
  const counts = BUFFER_COUNTS.exec(text);
  if (counts !== null) return Number(counts[2]) - Number(counts[1]);
  const lost = LOST_EVENTS.exec(text);
  return lost === null ? undefined : Number(lost[1]);
}

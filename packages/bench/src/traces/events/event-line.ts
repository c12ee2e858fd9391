/**
 * Lines of trace events, as tracefs (kernel/trace/trace_output.c), `trace-cmd report` and `perf script` print them:
 *
 *     kworker/u4:1-25       [000] d..1.     7.421072: setdec: ...
 *     TASK-PID              CPU   FLAGS     SECONDS   EVENT:  FIELDS
 *
 *     dd            7525    [000]         338.306014: kmem:mm_page_alloc: ...
 *     TASK  [PID/]TID       CPU           SECONDS     SYSTEM:EVENT:       FIELDS
 *
 * In tracefs a (TGID) may stand before the CPU. FLAGS are 4 characters, 5 since Linux 5.14, or absent. In the latency
 * format (`trace-cmd report -l`, tracefs with latency-format) CPU and FLAGS are one word, and tracefs has a time in us:
 *
 *     xargs-7140    1.....   325.506040: mm_page_alloc: ...
 *        dd-166       0d..1. 7983us : mm_page_alloc: ...
 *
 * lttng-line.ts has the lines of LTTng.
 */
import { parseLttngLine } from './lttng-line.ts';
import { parseSeconds } from './timestamps.ts';
import type { TraceEvent } from './trace-event.ts';

/** Events that precede the stack frames of the same task's event before them: of tracefs, and of `trace-cmd report`. */
export const STACK_TRACES: ReadonlySet<string> = new Set(['<stack trace>', 'kernel_stack']);

/** A task's name may hold spaces, dashes and colons, so it ends at the last dash before a PID and a [CPU]. */
const TRACEFS =
  /^\s*(?<task>\S.*?-\d+)\s+(?:\(\s*[\d-]+\)\s+)?\[(?<cpu>\d+)\]\s+(?:\S{4,5}\s+)?(?<seconds>\d+\.\d+):\s+(?<event><stack trace>|\w+(?=:)):?\s*(?<fields>.*)$/;
const LATENCY =
  /^\s*(?<task>\S.*?-\d+)\s+(?<cpu>\d{1,4})[^\s\d]\S{3,4}\s+(?:(?<seconds>\d+\.\d+)|(?<micros>\d{1,12})us.):\s+(?<event><stack trace>|\w+(?=:)):?\s*(?<fields>.*)$/;
const PERF =
  /^\s*(?<task>\S.{0,31}?)\s+(?:\d+\/)?(?<tid>\d+)\s+(?:\[(?<cpu>\d+)\]\s+)?(?<seconds>\d+\.\d+):\s+(?:\d+\s+)?\w+:(?<event>\w+):\s*(?<fields>.*)$/;

export const EXPECTED_EVENT =
  'not a line of tracefs (TASK-PID [CPU] SECONDS: EVENT: FIELDS) or of perf script (TASK TID [CPU] SECONDS: SYSTEM:EVENT: FIELDS)';

/** The event of a line; undefined for any other line. */
export function parseTraceEvent(text: string): TraceEvent | undefined {
  const match = TRACEFS.exec(text) ?? PERF.exec(text) ?? LATENCY.exec(text);
  if (match?.groups === undefined) return parseLttngLine(text);
  const { task, tid, cpu = '0', seconds, micros, event, fields } = match.groups;
  const at = micros === undefined ? parseSeconds(seconds) : BigInt(micros) * 1000n;
  if (at === undefined) return undefined;
  return { task: tid === undefined ? task : `${task}-${tid}`, cpu: Number(cpu), at, event, fields };
}

export const taskName = (task: string): string => task.slice(0, task.lastIndexOf('-'));

const TRACEFS_FRAME = /^\s*=> ([^\s+]+)/;
const PERF_FRAME = /^\s+[0-9a-f]+ ([^\s+]+)/;

/** The function of a line of a stack trace, without offset and module; undefined for any other line. */
export const parseStackFrame = (text: string): string | undefined =>
  (TRACEFS_FRAME.exec(text) ?? PERF_FRAME.exec(text))?.[1];

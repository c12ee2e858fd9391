/**
 * A line of `perf script`. The parts before the event's name:
 *
 *     dd            7525    [000]   338.306014: kmem:mm_page_alloc: ...
 *     TASK  [PID/]TID       CPU     SECONDS     SYSTEM:EVENT: FIELDS
 *
 * With `perf record -g` the frames of the event follow, an address and a function each, and a blank line.
 */
import { parseSeconds } from './timestamps.ts';
import type { TracefsEvent } from './tracefs.ts';

const LINE =
  /^\s*(\S.{0,31}?)\s+(?:\d+\/)?(\d+)\s+(?:\[\d+\]\s+)?(\d+\.\d+):\s+(?:\d+\s+)?\w+:(\w+):\s*(.*)$/;

/** As parseTracefsEvent(); the task is NAME-TID. */
export function parsePerfEvent(text: string): TracefsEvent | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, task, tid, seconds, event, fields] = match;
  const at = parseSeconds(seconds);
  return at === undefined ? undefined : { task: `${task}-${tid}`, at, event, fields };
}

const FRAME = /^\s+[0-9a-f]+ \S/;

export const isPerfFrame = (text: string): boolean => FRAME.test(text);

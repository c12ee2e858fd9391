/** Lines of the tools beside events: headers, comments, and reports of events that were lost while recording. */

const BUFFER_COUNTS = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;

/** Reports of lost events. The number is missing if the tool does not know it. */
const LOST: readonly RegExp[] = [
  // tracefs, kernel/trace/trace.c.
  /^CPU:\d+ \[LOST (?:(\d+) )?EVENTS\]/,
  // trace-cmd report, tracecmd/trace-read.c.
  /^CPU:\d+ \[(?:(\d+) )?EVENTS DROPPED\]/,
  // perf script --show-lost-events, tools/perf/util/event.c.
  /\bPERF_RECORD_LOST(?:_SAMPLES)?\b(?:\s+lost\s+(\d{1,15}))?/,
  // bpftrace, src/output.cpp.
  /^Lost (\d{1,15}) events$/,
];
/** What `trace-cmd report` and bpftrace print before the first event. */
const HEADER = /^(?:cpus=\d+|version = \d+|CPU \d+ is empty|Attach(?:ing|ed) \d+ probes?(?:\.\.\.)?)$/;

export interface ToolLine {
  /** How many events are missing after this line. Undefined if the line says only that there are some. */
  readonly lost: number | undefined;
}

/** Undefined for any other line. */
export function parseToolLine(text: string): ToolLine | undefined {
  const counts = BUFFER_COUNTS.exec(text);
  if (counts !== null) return { lost: Number(counts[2]) - Number(counts[1]) };
  for (const pattern of LOST) {
    const match = pattern.exec(text);
    if (match !== null) return { lost: match[1] === undefined ? undefined : Number(match[1]) };
  }
  return text.startsWith('#') || HEADER.test(text) ? { lost: 0 } : undefined;
}

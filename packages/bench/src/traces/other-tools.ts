/** Texts of tools that hold the same events in a form that is not read: what to change, so that it is. */

interface OtherText {
  /** A line that only this tool prints. */
  readonly pattern: RegExp;
  /** What it is, and the one thing to change. */
  readonly advice: string;
}

const OTHER_TEXTS: readonly OtherText[] = [
  {
    pattern: /^Attaching \d+ probes?\.\.\.|^Attached \d+ probes?$/,
    advice:
      'this is output of bpftrace, whose form is up to the script; record with trace-cmd or perf, or print lines of dma-requests',
  },
  {
    pattern: /^\s*\d+\.\d{3} (?:\(\s*[\d.]*\s*(?:ms)?\s*\): )?.*\b\w+:\w+\(.*\)$/,
    advice: 'this is output of perf trace; record with perf record and give what perf script prints',
  },
  {
    pattern: /^\s*(?:\S.*\|\s+)?\d+\)\s.*\|.*(?:\/\*.*\*\/|\(\);|\(\) \{|\})\s*$/,
    advice:
      'this is output of the function_graph tracer, which puts events into comments; record with: echo nop > current_tracer',
  },
  {
    pattern: /^\s*\S.*-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]\s+(?:\S{4,5}\s+)?\d+:\s+\w+:/,
    advice:
      'the times are counts of a clock, not seconds; record with: echo mono > trace_clock (trace-cmd: -C mono)',
  },
  {
    pattern: /^\s*\S.*-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]\s+(?:\S{4,5}\s+)?\w+:\s+\w+=/,
    advice: 'the events have no time; let the tool print it',
  },
  {
    pattern: /^\s*(?:\d+(?:\/\d+)?\s+)?(?:\[\d+\]\s+)?\d+\.\d+:\s+(?:\d+\s+)?\w+:\w+:/,
    advice: 'the events have no task name; print it with: perf script -F comm,tid,cpu,time,event,trace',
  },
];

/** What to change about the first line that another tool prints, and its place; undefined if there is none. */
export function adviceOn(
  lines: readonly string[],
): { readonly line: number; readonly advice: string } | undefined {
  for (const [index, text] of lines.entries()) {
    // Longer lines are of no tool, and patterns could be slow on them.
    if (text.length > 4096) continue;
    const found = OTHER_TEXTS.find(({ pattern }) => pattern.test(text));
    if (found !== undefined) return { line: index + 1, advice: found.advice };
  }
  return undefined;
}

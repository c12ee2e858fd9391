/** A line that an importer could not use. */
export interface UnparsedLine {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  /** What is wrong with it, and what would be right. */
  readonly reason: string;
}

/**
 * What became of the lines of a trace. It adds up: linesRead is requests + frees + background.allocations +
 * background.frees - doubleAllocs - assumedFrees (their frees have no line of their own) + failedAllocations +
 * freesWithoutAlloc + unparsed.count + all of `ignored`.
 */
export interface SanityReport {
  readonly linesRead: number;
  /** Allocations for shared memory. */
  readonly requests: number;
  readonly frees: number;
  /** Pages that others take and give back meanwhile: chunks, not pages. */
  readonly background: {
    readonly allocations: number;
    readonly frees: number;
    readonly liveAtEnd: number;
  };
  /** Allocations that the kernel refused; they are not in the workload. */
  readonly failedAllocations: number;
  /** Frees of what was allocated before the trace began, or in a way that it does not show. Not in the workload. */
  readonly freesWithoutAlloc: number;
  /** Allocations of memory that was still allocated: its free is missing, and was put in just before. */
  readonly doubleAllocs: number;
  /** Frees that such a trace never records, put in a fixed time after the allocation. Among `frees`. */
  readonly assumedFrees: number;
  /** Requests without a free. */
  readonly liveAtEnd: number;
  readonly unparsed: {
    readonly count: number;
    /** The first three. */
    readonly first: readonly UnparsedLine[];
  };
  /** Lines that are understood and deliberately no requests: their number by kind. */
  readonly ignored: Readonly<Record<string, number>>;
}

/** How much of an unparsed line is shown. */
const SHOWN_CHARACTERS = 100;

/** The report as lines of text. */
export function sanityLines(report: SanityReport): string[] {
  const { background } = report;
  const lines = [
    `${report.linesRead} lines read; allocations ${report.requests}, frees ${report.frees}, live at the end ${report.liveAtEnd}`,
    `failed in the recorded kernel ${report.failedAllocations}, frees without an allocation ${report.freesWithoutAlloc}, allocated twice ${report.doubleAllocs}${report.doubleAllocs > 0 ? ' (the missing frees were added)' : ''}, not understood ${report.unparsed.count}`,
  ];
  if (background.allocations > 0) {
    lines.splice(
      1,
      0,
      `background (pages of others): allocations ${background.allocations}, frees ${background.frees}, live at the end ${background.liveAtEnd}`,
    );
  }
  if (report.assumedFrees > 0) lines.push(`frees assumed, as the trace records none: ${report.assumedFrees}`);
  const ignored = Object.entries(report.ignored).map(([kind, count]) => `${count} ${kind}`);
  if (ignored.length > 0) lines.push(`no requests: ${ignored.join(', ')}`);
  for (const { line, text, reason } of report.unparsed.first) {
    lines.push(`line ${line}: ${reason}: ${excerpt(text)}`);
  }
  return lines;
}

/** The beginning of a line, fit for a terminal whatever the file holds. */
export function excerpt(text: string): string {
  const shown = text.slice(0, SHOWN_CHARACTERS).replace(/[\p{Cc}\uFFFD]/gu, '.');
  return text.length > SHOWN_CHARACTERS ? `${shown}...` : shown;
}

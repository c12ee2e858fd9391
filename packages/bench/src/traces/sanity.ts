export interface UnparsedLine {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  /** The error, and what was expected. */
  readonly reason: string;
}

/**
 * How the lines of a trace were used. The numbers add up: linesRead is requests + frees + background.allocations +
 * background.frees - doubleAllocs - assumedFrees - groupedFrees (these frees have no line of their own) +
 * failedAllocations + freesWithoutAlloc + unparsed.count + all of `ignored`.
 */
export interface SanityReport {
  readonly linesRead: number;
  /** Allocations for shared memory. */
  readonly requests: number;
  readonly frees: number;
  /** Page allocations of other users, counted in chunks. */
  readonly background: {
    readonly allocations: number;
    readonly frees: number;
    readonly liveAtEnd: number;
  };
  /** Allocations that the kernel refused; they are not in the workload. */
  readonly failedAllocations: number;
  /** Frees of memory that was allocated before the trace began, or without an event. They are not in the workload. */
  readonly freesWithoutAlloc: number;
  /** Allocations of memory that was still allocated. Its free is missing and was added just before. */
  readonly doubleAllocs: number;
  /** Frees that the trace does not record, added a fixed time after the allocation. Part of `frees`. */
  readonly assumedFrees: number;
  /** Frees on the line of another request: those of a scatterlist after the first, the end of a buffer beside its size. Part of `frees`. */
  readonly groupedFrees: number;
  /** Events that the recorder reports as lost. They have no line. */
  readonly lostEvents: number;
  /** Requests without a free. */
  readonly liveAtEnd: number;
  readonly unparsed: {
    readonly count: number;
    /** The first three. */
    readonly first: readonly UnparsedLine[];
  };
  /** Lines that are understood but are not requests: their number by kind. */
  readonly ignored: Readonly<Record<string, number>>;
}

const SHOWN_CHARACTERS = 100;

/** What was odd in a trace, a sentence each; empty if nothing was. */
export function sanityLines(report: SanityReport): string[] {
  const { background, doubleAllocs, unparsed } = report;
  const added = doubleAllocs > 0 ? ' (the missing frees were added)' : '';
  const ignored = Object.entries(report.ignored).map(([kind, count]) => `${count} ${kind}`);
  const lines = [
    `Lines read: ${report.linesRead}. Requests: ${report.requests} allocations, ${report.frees} frees; ${report.liveAtEnd} never freed.`,
    background.allocations > 0 &&
      `Background (pages of other users): ${background.allocations} allocations, ${background.frees} frees; ${background.liveAtEnd} never freed.`,
    `Failed in the recorded kernel: ${report.failedAllocations}. Frees without an allocation: ${report.freesWithoutAlloc}. Allocated twice: ${doubleAllocs}${added}. Not understood: ${unparsed.count}.`,
    report.lostEvents > 0 && `Lost while recording: ${report.lostEvents} events.`,
    report.assumedFrees > 0 && `Frees assumed because the trace records none: ${report.assumedFrees}.`,
    ignored.length > 0 && `Lines that are not requests: ${ignored.join(', ')}.`,
    ...unparsed.first.map(({ line, text, reason }) => `Line ${line}: ${reason}: ${excerpt(text)}`),
  ];
  return lines.filter((line) => line !== false);
}

/** The beginning of a line, fit for a terminal whatever the file holds. */
export function excerpt(text: string): string {
  const shown = text.slice(0, SHOWN_CHARACTERS).replace(/[\p{Cc}\uFFFD]/gu, '.');
  return text.length > SHOWN_CHARACTERS ? `${shown}...` : shown;
}

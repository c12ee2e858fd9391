/** Causes and events as lines that people read, shared by the explanations and the stepper. */
import type { Cause, PoolEvent } from '@decpool/model';
import { printable } from '../text/printable.ts';
import { timeText } from '../text/time.ts';
import { eventLine, eventText, type Names } from './event-text.ts';

/** Who caused something: `request #12, 1.5 s: allocation-requested 7: alloc_pages ...`. */
export function causeText(cause: Cause, names: Names): string {
  if (cause.by === 'boot') return 'the boot, before the first request';
  if (cause.by === 'worker') return `the deferred worker, after request #${cause.afterRequest}`;
  const { event, owner } = cause;
  const isTold = event.type === 'allocation-requested' || names.ownerOf !== undefined;
  const of = owner === undefined || isTold ? '' : ` of ${printable(owner)}`;
  return `request #${event.request}: ${event.type} ${eventText(event, names)}${of}`;
}

/** Events one below the other, in order, each once. */
export function eventLines(events: readonly (PoolEvent | undefined)[], names: Names): string[] {
  const bySeq = new Map(
    events.flatMap((event) => (event === undefined ? [] : [[event.seq, event] as const])),
  );
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq).map((event) => eventLine(event, names));
}

export const whenText = (event: PoolEvent): string => `event ${event.seq}, ${timeText(event.time)}`;

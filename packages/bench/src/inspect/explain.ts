/** The explanations, by what is asked for. Each reads a log once, up to a position, in bounded memory. */
import type { OpenLog } from '../log/open.ts';
import { explainRange, type RangeReport } from './explain-range.ts';
import { firstSplit, splitAt } from './explain-split.ts';
import type { Explained } from './fold.ts';

export { explainAllocation } from './explain-allocation.ts';

/** Throws InputError when there is no such block, or the log is damaged. */
export const explainBlock = (
  log: OpenLog,
  block: number,
  position: number,
): Promise<Explained<RangeReport>> => explainRange(log, { kind: 'block', block }, position);

/** Of a large-page-split event. Throws InputError when the event is none, or comes behind the position. */
export async function explainSplit(
  log: OpenLog,
  event: number,
  position: number,
): Promise<Explained<RangeReport>> {
  return explainRange(log, await splitAt(log, event, position), position);
}

/** Of the first large-page-split event; undefined if there is none before the position. */
export async function explainFirstSplit(
  log: OpenLog,
  position: number,
): Promise<Explained<RangeReport> | undefined> {
  const asked = await firstSplit(log, position);
  return asked === undefined ? undefined : explainRange(log, asked, position);
}

/** Splits of a log by their event numbers. */
import { InputError, type PoolEvent, TYPE } from '@decpool/model';
import { BootPoolEvents, Causes, Owners } from '@decpool/model/internal';
import type { OpenLog } from '../log/open.ts';
import { countText } from '../text/counts.ts';
import type { Range } from './explain-range.ts';

/** The entry that a split event split. Throws InputError that names splits near by if that event is none. */
export async function splitAt(log: OpenLog, seq: number, position: number): Promise<Range> {
  if (seq >= position) {
    throw new InputError(`${log.path}: event ${seq}: expected one before position ${position}`);
  }
  for await (const batch of log.batches(seq, seq + 1)) {
    const event = batch.at(0);
    if (event.type === 'large-page-split') return rangeOf(log, event);
    throw new InputError(
      `${log.path}: event ${seq} is ${event.type}, no large-page-split; ${await nearSplits(log, seq)}`,
    );
  }
  throw new InputError(`${log.path}: cut off before event ${seq}`);
}

/**
 * The entry that the first split by a request split; if there is none before the position, the first of all, such as one at boot;
 * undefined if there is no split.
 */
export async function firstSplit(log: OpenLog, position: number): Promise<Range | undefined> {
  const owners = new Owners();
  const bootPool = new BootPoolEvents(log.header);
  const causes = new Causes(owners, bootPool);
  let first: Range | undefined;
  for await (const batch of log.batches(0, position)) {
    for (let row = 0; row < batch.length; row++) {
      for (const each of [bootPool, owners, causes]) each.observe(batch, row);
      if (batch.typeAt(row) !== TYPE.largePageSplit) continue;
      const range = rangeOf(log, batch.at(row) as LargePageSplit);
      if (causes.of(batch, row).by === 'request') return range;
      first ??= range;
    }
  }
  return first;
}

type LargePageSplit = Extract<PoolEvent, { type: 'large-page-split' }>;

const rangeOf = (log: OpenLog, { seq, pfn, level }: LargePageSplit): Range => ({
  kind: level === 2 ? 'block' : 'region',
  block: Math.floor(pfn / log.header.geometry.pagesPerBlock),
  splitEvent: seq,
});

/** Splits that an error names. */
const NAMED = 3;

async function nearSplits(log: OpenLog, seq: number): Promise<string> {
  let near: number[] = [];
  let count = 0;
  for await (const batch of log.batches()) {
    for (let row = 0; row < batch.length; row++) {
      if (batch.typeAt(row) !== TYPE.largePageSplit) continue;
      count++;
      const byDistance = [...near, batch.firstSeq + row].sort(
        (a, b) => Math.abs(a - seq) - Math.abs(b - seq),
      );
      near = byDistance.slice(0, NAMED);
    }
  }
  if (count === 0) return 'the log has none';
  const events = near.sort((a, b) => a - b).join(', ');
  return `the log has ${countText(count, 'split')}, the nearest at event${near.length === 1 ? '' : 's'} ${events}; 'decpool splits' lists all`;
}

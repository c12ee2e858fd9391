/** Splits of a log, added up by owner, by request or by block. */
import type { PoolEvent } from '@decpool/model';
import type { SplitCounts, SplitLevel, SplitsOfOwner } from '@decpool/model/internal';
import type { EndState, FoundSplits, Split } from './splits.ts';

export type SplitGrouping = 'owner' | 'request' | 'block';

interface Group extends Pick<Split, 'cause' | 'owner'> {
  readonly splits: SplitCounts;
  /** Event number of the first of them. */
  readonly firstSeq: number;
}

export interface OwnerSplits extends SplitsOfOwner {
  /** Of all splits, of all levels. */
  readonly sharePercent: number;
}

/** What one request split; or one run of the deferred worker, or the boot. */
export interface RequestSplits extends Group, Pick<Split, 'request' | 'time_ns'> {
  /** Undefined of the worker and of the boot. */
  readonly asked: PoolEvent | undefined;
}

/** The splits of one level in a block; of larger entries, in the blocks that the entry maps. Cause and owner are those of the first. */
export interface BlockSplits extends Group, Pick<Split, 'request' | 'block' | 'level'> {
  readonly atEnd: EndState | undefined;
}

/** Most 2M splits first, then most 1G splits. */
export function splitsByOwner({ splits, byOwner }: Pick<FoundSplits, 'splits' | 'byOwner'>): OwnerSplits[] {
  return byOwner
    .map(({ cause, owner, splits: counts, firstSeq, requests }) => ({
      cause,
      ...(owner === undefined ? {} : { owner }),
      splits: counts,
      firstSeq,
      sharePercent: (100 * countOf(counts)) / splits.length,
      requests,
    }))
    .sort((a, b) => byCounts(a.splits, b.splits) || (ownerName(a) < ownerName(b) ? -1 : 1));
}

/** Most splits first, then by their order in the log. */
export function splitsByRequest({ splits, asked }: Pick<FoundSplits, 'splits' | 'asked'>): RequestSplits[] {
  const groups = grouped(splits, ({ cause, request, time_ns }) =>
    // The worker may run several times after one request.
    cause === 'worker' ? `${request} ${time_ns}` : String(request),
  );
  const requests = groups.map((group): RequestSplits => {
    const [{ request, time_ns, cause }] = group;
    const event = cause === 'request' ? asked.get(request) : undefined;
    return { request, time_ns, ...common(group), asked: event };
  });
  return requests.sort((a, b) => countOf(b.splits) - countOf(a.splits) || a.firstSeq - b.firstSeq);
}

const LARGEST_FIRST: readonly SplitLevel[] = ['1G', '32M', '2M', '64K'];

/** In the order of their blocks; where entries of several levels begin, the largest first. */
export function splitsByBlock({ splits, endState }: Pick<FoundSplits, 'splits' | 'endState'>): BlockSplits[] {
  const blocks = grouped(splits, ({ block, level }) => `${block} ${level}`).map((group): BlockSplits => {
    const [{ block, level, request }] = group;
    return { block, level, request, ...common(group), atEnd: endState(group[0]) };
  });
  const size = ({ level }: BlockSplits) => LARGEST_FIRST.indexOf(level);
  return blocks.sort((a, b) => a.block - b.block || size(a) - size(b));
}

const GROUPS = { owner: splitsByOwner, request: splitsByRequest, block: splitsByBlock };

/** What `decpool splits --json` prints. `total` and the groups are without what the boot pool of swiotlb split, which is the same under every policy. */
export const splitsReport = (found: FoundSplits, by: SplitGrouping) => ({
  total: splitCounts(found.splits),
  atBoot: found.atBoot,
  by,
  groups: GROUPS[by](found),
  splits: found.splits,
});

export function splitCounts(splits: readonly Split[]): SplitCounts {
  const counts = { '2M': 0, '1G': 0, '32M': 0, '64K': 0 };
  for (const { level } of splits) counts[level]++;
  return counts;
}

export const countOf = (counts: SplitCounts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** What a split is counted for. */
export interface Causer {
  readonly cause: Split['cause'];
  readonly owner?: string | undefined;
}

/** In words. */
export function ownerName({ cause, owner }: Causer): string {
  if (cause === 'boot') return 'boot';
  if (cause === 'worker') return 'deferred worker';
  // Requests of other users of the page allocator have no owner.
  return owner ?? 'other page users';
}

const byCounts = (a: SplitCounts, b: SplitCounts): number =>
  b['2M'] - a['2M'] || b['1G'] - a['1G'] || b['32M'] - a['32M'] || b['64K'] - a['64K'];

function grouped(splits: readonly Split[], key: (split: Split) => string): (readonly Split[])[] {
  const groups = new Map<string, Split[]>();
  for (const split of splits) {
    const group = groups.get(key(split)) ?? [];
    group.push(split);
    groups.set(key(split), group);
  }
  return [...groups.values()];
}

function common(group: readonly Split[]): Group {
  const [{ cause, owner, seq }] = group;
  return { cause, owner, splits: splitCounts(group), firstSeq: seq };
}

/** What is read ahead from a recorded sequence: when kswapd works, and frees that the kernel did as one. */
import type { FreelistsStep } from '../../traces/memory-state/freelists-steps.ts';

/** Steps between two traces of kswapd from which on it has slept. */
const SLEPT_STEPS = 200;

/**
 * Before which steps ZONE_RECLAIM_ACTIVE is set or cleared. kswapd sets it while it works, which no event shows: it is known from its
 * waking and going to sleep, or else from the pages that it frees.
 */
export function reclaimChanges(steps: readonly FreelistsStep[]): ReadonlyMap<number, boolean> {
  const changes = new Map<number, boolean>();
  for (const [index, step] of steps.entries()) if (step.kind === 'kswapd') changes.set(index, step.isAwake);
  if (changes.size > 0) return changes;
  let last: number | undefined;
  for (const [index, step] of steps.entries()) {
    if ((step.kind !== 'free-other' && step.kind !== 'drain') || !step.task.includes('kswapd')) continue;
    if (last === undefined || index - last > SLEPT_STEPS) {
      if (last !== undefined) changes.set(last + 1, false);
      changes.set(index, true);
    }
    last = index;
  }
  if (last !== undefined) changes.set(last + 1, false);
  return changes;
}

type OtherFree = Extract<FreelistsStep, { kind: 'free-other' }>;

/**
 * The frees from `first` on that vfree() gave back as one: since 7.x it frees neighbouring pages together (free_pages_bulk), but each
 * is traced alone. Pages for which `isFree` holds are none of them.
 */
export function freedTogether(
  steps: readonly FreelistsStep[],
  first: number,
  isFree: (pfn: number) => boolean,
): readonly OtherFree[] {
  const together: OtherFree[] = [];
  for (let index = first; index < steps.length; index++) {
    const step = steps[index];
    if (step.kind !== 'free-other' || step.order !== 0) break;
    const head = together[0] ?? step;
    const isNext =
      step.pfn === head.pfn + together.length && step.cpu === head.cpu && step.task === head.task;
    if (!isNext || isFree(step.pfn)) break;
    together.push(step);
  }
  return together;
}

/** A run of pages as aligned chunks, largest first where they fit. */
export function* alignedChunks(
  pfn: number,
  pages: number,
  maxOrder: number,
): Generator<readonly [number, number]> {
  for (let at = pfn, left = pages; left > 0; ) {
    let order = Math.min(31 - Math.clz32(left), maxOrder);
    while (at & ((1 << order) - 1)) order--;
    yield [at, order];
    at += 1 << order;
    left -= 1 << order;
  }
}

/**
 * The request for which the chunks of a refill left the zone's lists: the next of the same task and kind on that CPU; undefined if
 * something else comes before. Its event is traced after the page was zeroed, when other CPUs may have gone on.
 */
export function requestOfRefill(
  steps: readonly FreelistsStep[],
  at: number,
  cpu: number,
  isServed: (index: number) => boolean,
): number | undefined {
  const refill = steps[at];
  if (refill.kind !== 'refill') return undefined;
  const isOwn = refill.task === SEQUENCE_TASK;
  for (let index = at + 1; index < steps.length; index++) {
    const step = steps[index];
    if (step.kind === 'cpu' || (step.kind === 'free' && isOwn)) return undefined;
    if (isServed(index)) continue;
    if (step.kind === 'allocate' && cpu === refill.cpu) {
      return isOwn && step.order === refill.order && refill.type === 'Unmovable' ? index : undefined;
    }
    if (step.kind === 'allocate-other' && step.cpu === refill.cpu) {
      const isSame = step.task === refill.task && step.order === refill.order && step.type === refill.type;
      return isSame ? index : undefined;
    }
  }
  return undefined;
}

/** The task that makes the requests of a sequence. */
const SEQUENCE_TASK = 'init';

/**
 * The timeline of a generated guest. Many things happen at once; each is an Activity with a clock of its own. The timeline
 * sorts all requests by time and names the allocations.
 */
import { type AllocationId, InvariantError, nanoseconds, orderFor, type Request } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { type Dice, dice } from './random.ts';
import { RequestList, type Wanted } from './request-list.ts';

/** What a caller asks for; the pages follow from bytes and api. */
export type Needed = Omit<Wanted, 'pages'>;

/** A stretch of simulated time to draw from: least and most ns, both included. */
export type Span = readonly [least: number, most: number];

/** An allocation in the making: it has no name until all of the timeline is known. */
export interface Lease {
  readonly wanted: Wanted;
}

interface Entry {
  readonly time: number;
  readonly kind: 'allocate' | 'free' | 'map-user' | 'unmap-user';
  readonly lease: Lease;
  /** Flags of the context that frees, where they are not GFP_KERNEL. */
  readonly gfp: number | undefined;
  /** Where it is freed. */
  readonly cpu: number | undefined;
}

export class Timeline {
  readonly #entries: Entry[] = [];

  /** Writes down one thing, at any time; what concerns one lease must come in its order. */
  add(time: number, kind: Entry['kind'], lease: Lease, gfp?: number, cpu?: number): void {
    this.#entries.push({ time, kind, lease, gfp, cpu });
  }

  /** Everything in order of time; what happens at one instant, in the order it was written down. */
  requests(): readonly Request[] {
    const list = new RequestList();
    const names = new Map<Lease, AllocationId>();
    for (const { time, kind, lease, gfp, cpu } of this.#entries.toSorted((a, b) => a.time - b.time)) {
      const at = nanoseconds(time);
      if (kind === 'allocate') {
        names.set(lease, list.allocate(at, lease.wanted));
        continue;
      }
      const allocation = names.get(lease);
      if (allocation === undefined) {
        throw new InvariantError(`'${lease.wanted.owner}': ${kind} at ${time} ns, before it is allocated`);
      }
      if (kind === 'free') list.free(at, allocation, gfp, cpu);
      else list.changeMapping(at, kind, allocation);
    }
    return list.requests;
  }
}

/** Between two steps of a driver: 20 to 400 us. */
const STEP_NS: Span = [20_000, 400_000];

/** One thread of what happens: a clock that only runs forward, and the dice it draws with. */
export class Activity {
  readonly dice: Dice;
  readonly #timeline: Timeline;
  #now: number;

  /** Starts at `start` ns. The activities of a guest share its dice, so the order in which they run changes the draws. */
  constructor(timeline: Timeline, dice: Dice, start = 0) {
    this.dice = dice;
    this.#timeline = timeline;
    this.#now = start;
  }

  /** Simulated ns. */
  get now(): number {
    return this.#now;
  }

  /** Another thread of the same guest, from now on. */
  fork(): Activity {
    return new Activity(this.#timeline, this.dice, this.#now);
  }

  wait([least, most]: Span): void {
    this.#now += this.dice.between(least, most);
  }

  /** Until an instant; not at all when that is past. */
  waitUntil(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** One step of a driver, and with it an allocation that somebody frees later. */
  allocate(needed: Needed): Lease {
    this.wait(STEP_NS);
    return this.#allocate(needed);
  }

  /** A step each. `gfp`: flags of the context that frees. Default: GFP_KERNEL. */
  freeAll(leases: readonly Lease[], gfp?: number): void {
    for (const lease of leases) {
      this.wait(STEP_NS);
      this.#timeline.add(this.#now, 'free', lease, gfp);
    }
  }

  /** An allocation at this instant whose free comes on its own `life` ns later, in a context with flags `gfp`, on the same CPU. */
  hold(needed: Needed, life: number, gfp?: number): void {
    this.#timeline.add(this.#now + life, 'free', this.#allocate(needed), gfp, needed.cpu);
  }

  mapUser(lease: Lease): void {
    this.#timeline.add(this.#now, 'map-user', lease);
  }

  unmapUser(lease: Lease): void {
    this.#timeline.add(this.#now, 'unmap-user', lease);
  }

  #allocate(needed: Needed): Lease {
    const filled = pagesFor(needed.bytes, PAGE_SHIFT);
    const pages = needed.api === 'alloc_pages' ? 1 << orderFor(filled) : filled;
    const lease: Lease = { wanted: { ...needed, pages } };
    this.#timeline.add(this.#now, 'allocate', lease);
    return lease;
  }
}

/** The requests of a guest whose activities all start from the one that `run` is given. */
export function guestRequests(seed: number, run: (guest: Activity) => void): readonly Request[] {
  const timeline = new Timeline();
  run(new Activity(timeline, dice(seed)));
  return timeline.requests();
}

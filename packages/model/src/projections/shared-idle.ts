/**
 * What is shared, and how much of it is used. The unused slots of the boot pool of swiotlb are counted apart: every guest has them. What is
 * unused of the atomic DMA pools is idle, for a policy may replace these. Counted in half pages: the smallest piece that can be idle by itself is a
 * slot of the bounce buffers, 2 KiB (IO_TLB_SIZE, include/linux/swiotlb.h), and whole counts can be integrated exactly.
 */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { AtomicChunks } from './atomic-chunks.ts';
import { isBootSlab } from './boot-pool.ts';
import { BounceSlots } from './bounce-slots.ts';
import { anyOf, type EventSet, EXPOSES, eventSet, exposureSign } from './event-sets.ts';
import { PageTime } from './page-time.ts';
import type { Projection } from './projection.ts';

/** Shared pages that nobody uses: now, at peak, and over time. */
export class SharedIdle implements Projection {
  readonly sees: EventSet;
  readonly bounce: BounceSlots;
  readonly atomic = new AtomicChunks();
  readonly halfPageBytes: number;
  /** Integral of `idle` over time, in half pages x ns, up to `time`. */
  readonly idleTime = new PageTime();
  /** The same of the boot pool that is apart, and of the part of `idle` that the atomic DMA pools have since boot. */
  readonly bounceIdleTime = new PageTime();
  readonly atomicIdleTime = new PageTime();
  /** Simulated ns. */
  time = 0;
  /** Whether the last event changed what is shared or live. */
  hasChanged = false;
  #sharedPages = 0;
  #livePages = 0;
  /** Half pages idle when time last moved on: within an instant they come and go. */
  #standing = 0;
  #bounceStanding = 0;
  #atomicStanding = 0;
  #peak = 0;
  #recentPeak = -1;

  constructor(pageShift: number) {
    this.bounce = new BounceSlots(1 << pageShift);
    this.sees = anyOf(
      EXPOSES,
      eventSet('pages-allocated', 'pages-freed'),
      this.bounce.sees,
      this.atomic.sees,
    );
    this.halfPageBytes = 1 << (pageShift - 1);
  }

  /** Bytes in allocations, in slabs that were made for a request, and in bounce slots that are taken. */
  get liveBytes(): number {
    return this.#live * this.halfPageBytes;
  }

  /** Bytes that are shared and not live. */
  get idleBytes(): number {
    return this.#idle * this.halfPageBytes;
  }

  /** Most bytes idle at the end of an instant. */
  get peakBytes(): number {
    return Math.max(this.#peak, this.#idle) * this.halfPageBytes;
  }

  /** Most bytes idle at the end of the instants since the last call; if none ended, of the last one. */
  takePeakBytes(): number {
    const peak = this.#recentPeak === -1 ? this.#standing : this.#recentPeak;
    this.#recentPeak = -1;
    return peak * this.halfPageBytes;
  }

  get #live(): number {
    return 2 * this.#livePages + this.bounce.usedBytes / this.halfPageBytes;
  }

  get #idle(): number {
    const shared = 2 * this.#sharedPages - this.#bounceIdle;
    return Math.max(0, shared - this.#live);
  }

  /** Half pages; none outside a confidential VM, which has no atomic pools. */
  get #atomicIdle(): number {
    return 2 * this.atomic.unusedAtBoot;
  }

  /** Half pages, also of a boot pool that could not be shared, or need not be. */
  get #bounceIdle(): number {
    return this.bounce.unusedAtBoot / this.halfPageBytes;
  }

  /** Called before the events of a new instant. */
  moveTo(time: number): void {
    if (time <= this.time) return;
    this.endInstant();
    this.idleTime.add(this.#standing, time - this.time);
    if (this.#bounceStanding > 0) this.bounceIdleTime.add(this.#bounceStanding, time - this.time);
    if (this.#atomicStanding > 0) this.atomicIdleTime.add(this.#atomicStanding, time - this.time);
    this.time = time;
  }

  /** Called behind the last event of an instant: only then are its peaks known. */
  endInstant(): void {
    this.#standing = this.#idle;
    this.#bounceStanding = this.#sharedPages === 0 ? 0 : this.#bounceIdle;
    this.#atomicStanding = this.#atomicIdle;
    this.#peak = Math.max(this.#peak, this.#standing);
    this.#recentPeak = Math.max(this.#recentPeak, this.#standing);
  }

  observe(batch: EventBatch, row: number): void {
    this.moveTo(batch.timeAt(row));
    this.hasChanged = this.#take(batch, row);
  }

  /** Returns whether the event changed what is shared or live. */
  #take(batch: EventBatch, row: number): boolean {
    const isAtomic = this.atomic.observe(batch, row);
    const sign = exposureSign(batch, row);
    if (sign !== 0) {
      this.#sharedPages += sign * batch.pagesAt(row);
      return true;
    }
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#livePages += batch.pagesAt(row);
        return true;
      case TYPE.pagesFreed:
        this.#livePages -= batch.pagesAt(row);
        return true;
      default:
        return isAtomic || this.bounce.observe(batch, row) || isBootSlab(batch, row);
    }
  }
}

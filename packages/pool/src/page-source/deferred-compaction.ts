/**
 * Compaction that failed is not tried again at once (compaction_deferred(), mm/compaction.c): after each failure of a zone twice as
 * many attempts are left out, at most 64.
 */

/** COMPACT_MAX_DEFER_SHIFT. */
const MAX_DEFER_SHIFT = 6;

/** Of a zone: compact_considered, compact_defer_shift, compact_order_failed of struct zone. */
interface ZoneDeferral {
  considered: number;
  shift: number;
  orderFailed: number;
}

export class DeferredCompaction {
  readonly #zones: readonly ZoneDeferral[];

  constructor(zones: number) {
    this.#zones = Array.from({ length: zones }, () => ({ considered: 0, shift: 0, orderFailed: 0 }));
  }

  /** compaction_deferred(): counts an attempt, and says whether it is left out. */
  isDeferred(index: number, order: number): boolean {
    const zone = this.#zones[index];
    if (order < zone.orderFailed) return false;
    const limit = 1 << zone.shift;
    zone.considered = Math.min(zone.considered + 1, limit);
    return zone.considered < limit;
  }

  /** defer_compaction(): an attempt has failed. */
  defer(index: number, order: number): void {
    const zone = this.#zones[index];
    zone.considered = 0;
    zone.shift = Math.min(zone.shift + 1, MAX_DEFER_SHIFT);
    zone.orderFailed = Math.min(zone.orderFailed, order);
  }

  /** compaction_defer_reset(). `isServed`: the request got its chunk; else it is only expected to. */
  reset(index: number, order: number, isServed: boolean): void {
    const zone = this.#zones[index];
    if (isServed) {
      zone.considered = 0;
      zone.shift = 0;
    }
    zone.orderFailed = Math.max(zone.orderFailed, order + 1);
  }
}

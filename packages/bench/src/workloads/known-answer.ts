/** A figure that theory or a publication gives for a workload. A run must reproduce it. */

/**
 * - `blocks`: blocks with a shared page at peak / the blocks that the live pages fill at peak.
 * - `block-seconds`: integral of the blocks with a shared page / integral of the blocks that the live pages fill.
 * - `llfree-score`: LLFree's score after the last request, in percent.
 */
export type KnownFigure = 'blocks' | 'block-seconds' | 'llfree-score';

export interface KnownAnswer {
  readonly policy: string;
  readonly figure: KnownFigure;
  /** A ratio or a percentage. */
  readonly expected: number;
  /** Largest allowed deviation, in the same unit; 0 allows rounding only. */
  readonly tolerance: number;
  readonly source: string;
}

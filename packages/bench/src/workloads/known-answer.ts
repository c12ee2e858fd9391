/** A figure that theory, or a publication, gives for a workload: what a run of it has to come to. */

/**
 * What is compared. `blocks`: blocks with a shared page at peak, to the most pages that were live, in blocks.
 * `block-seconds`: the integral of the blocks with a shared page, to that of the blocks that the live pages fill. Both are
 * ratios to the lower bound. `llfree-score`: LLFree's score after the last request, in percent.
 */
export type KnownFigure = 'blocks' | 'block-seconds' | 'llfree-score';

export interface KnownAnswer {
  readonly policy: string;
  readonly figure: KnownFigure;
  /** A ratio, or percent. */
  readonly expected: number;
  /** How far a measured figure may be off, in the same unit; 0 where it must be the same but for rounding. */
  readonly tolerance: number;
  /** Where the figure is from. */
  readonly source: string;
}

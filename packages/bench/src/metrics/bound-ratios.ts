import type { MetricDefinition } from './family.ts';

/** Shared blocks of a run, or their lower bound: see bounds/measured.ts and bounds/lower.ts. */
interface Blocks {
  readonly blocksPeak: number;
  /** Integral over time, in block-ns. */
  readonly blockNs: bigint;
}

const WITHOUT_BOUNCE = 'without the bounce buffers, unless the policy serves from them';

/** How far a run is from the lower bounds. */
export const boundRatios = {
  group: 'Distance from the lower bounds',
  metrics: {
    'blocks-peak-ratio': {
      label: 'blocks peak / lower bound',
      unit: 'ratio',
      formula: `blocks shared at peak, ${WITHOUT_BOUNCE}, over the lower bound max over time of ceil(live / P)`,
    },
    'block-seconds-ratio': {
      label: 'block-seconds / lower bound',
      unit: 'ratio',
      formula: `block-seconds up to the last request, ${WITHOUT_BOUNCE}, over the lower bound integral of ceil(live / P) dt`,
    },
  },
} as const satisfies { group: string; metrics: Readonly<Record<string, MetricDefinition>> };

export const isBoundRatio = (id: string): boolean => Object.hasOwn(boundRatios.metrics, id);

/** The ratios of a run; none if nothing is bounded. */
export function boundRatiosOf(
  run: Blocks,
  lower: Blocks,
): { [Id in keyof typeof boundRatios.metrics]?: number } {
  return {
    ...(lower.blocksPeak === 0 ? {} : { 'blocks-peak-ratio': run.blocksPeak / lower.blocksPeak }),
    ...(lower.blockNs === 0n ? {} : { 'block-seconds-ratio': Number(run.blockNs) / Number(lower.blockNs) }),
  };
}

import type { Counters, EventBatch, LogHeader } from '@decpool/model';
import type { Unit } from '../text/units.ts';

/** What a metric is: the same for every run. */
export interface Metric {
  /** Stable name, for machines: `splits-2m`. */
  readonly id: string;
  /** What a table calls it. */
  readonly label: string;
  readonly unit: Unit;
  /** Whether less of it is good. `neutral` metrics are compared but not judged. */
  readonly better: 'lower' | 'higher' | 'neutral';
  /** How it is computed, with the formula's name or source. */
  readonly formula: string;
  /** `on-request`: --check does not judge it. Default: judged. */
  readonly shown?: 'on-request';
}

export interface MetricValue extends Metric {
  readonly value: number;
}

/** Computes one family of metrics from the events of one run. */
export interface Projection {
  /** Takes the next events; batches come in order, without gaps. */
  observe(batch: EventBatch): void;
  /** The values after the events seen; `counters` are those of the state after the last of them. */
  values(counters: Counters): MetricValue[];
}

/** One family of metrics: a file each. */
export type MetricFamily = (header: LogHeader) => Projection;

/** For a family that only reads the final counters. */
export const ignoreEvents = (): void => {};

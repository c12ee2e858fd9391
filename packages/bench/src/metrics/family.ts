import type { Counters, LogHeader } from '@decpool/model';
import type { EventSet, Projection, RunPart, RunProjections } from '@decpool/model/internal';
import type { Unit } from '../text/units.ts';

/** Which direction is good. `neutral` metrics are compared but not judged. */
export const BETTER = ['lower', 'higher', 'neutral'] as const;

export interface MetricDefinition {
  /** What a table calls it. */
  readonly label: string;
  /** How it is computed, with the formula's name or source. */
  readonly formula: string;
  /** Default: `count`. */
  readonly unit?: Unit;
  /** Default: `lower`. */
  readonly better?: (typeof BETTER)[number];
  /** `on-request`: --check does not judge it. Default: judged. */
  readonly shown?: 'on-request';
  /** Tables of all metrics leave it out if it is 0 in every run. */
  readonly isQuiet?: true;
  /** What the boot pools add to it, which every policy has, is counted apart. */
  readonly isBootApart?: true;
  /** The size of a boot pool, told beside its cost. */
  readonly isBootSize?: true;
}

/** Computes the metrics of one family from the events of one run. */
interface Measurement<Id extends string> {
  /** Types of the events that observe() needs. */
  readonly sees?: EventSet;
  /** Takes the next event, which the shared projections have seen. Missing if the family reads only these and the counters. */
  readonly observe?: Projection['observe'];
  /** The values after the events seen; `counters` are those of the state after the last of them. */
  values(counters: Counters): Readonly<Record<Id, number>>;
}

/** Metrics that are measured together: a file each. */
export interface MetricFamily<Id extends string = string> {
  /** Heading in lists of metrics. */
  readonly group: string;
  /** By id, in the order of reports. */
  readonly metrics: Readonly<Record<Id, MetricDefinition>>;
  /** The shared projections that it reads. */
  readonly reads?: readonly RunPart[];
  readonly measure: (header: LogHeader, run: RunProjections) => Measurement<Id>;
}

/** Checks that a family has a value for each metric that it defines. */
export const metricFamily = <Id extends string>(family: MetricFamily<Id>): MetricFamily<Id> => family;

/** What is compared with the model's runs. */
import type { RecordedConversions } from './conversions.ts';
import type { KernelCounters } from './kernel-counters.ts';

export interface RecordedKernel {
  /** The release. */
  readonly kernel: string;
  readonly counters: KernelCounters;
  readonly conversions: RecordedConversions;
}

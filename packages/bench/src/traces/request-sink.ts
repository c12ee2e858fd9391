import type { Request } from '@decpool/model';
import type { TraceFormat } from './format.ts';
import type { SanityReport } from './sanity.ts';

/** What a trace says about itself, without its requests. */
export interface TraceFacts {
  /** Of the workload: the file's name without folder and extensions. */
  readonly name: string;
  readonly format: Pick<TraceFormat, 'name' | 'description'>;
  readonly notes: readonly string[];
  readonly sanity: SanityReport;
}

/** Where requests go as they are read. */
export interface RequestSink {
  add(request: Request): void;
  /** Called now and then; resolves once more can be taken. */
  drain(): Promise<void>;
  /** Called once, before the first request, when the format is known. */
  begin?(facts: Pick<TraceFacts, 'name' | 'format'>): Promise<void>;
}

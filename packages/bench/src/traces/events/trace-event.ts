import type { Timestamp } from './timestamps.ts';

/** What a line of a trace says, whichever tool printed it. */
export interface TraceEvent {
  /** NAME-PID. */
  readonly task: string;
  /** 0 if the line has none. */
  readonly cpu: number;
  readonly at: Timestamp;
  /** The event's name, or one that precedes a stack trace. */
  readonly event: string;
  readonly fields: string;
}

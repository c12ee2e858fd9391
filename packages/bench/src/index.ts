/** What a program can call of the bench. The `decpool` command is built of the same functions. */

// Requests: made by synthetic workloads, or read from recorded kernel traces.

export type { ImportOptions } from './traces/format.ts';
export { type ImportedTrace, importTrace } from './traces/import.ts';
export { type RecordedMemory, readMemoryState } from './traces/memory-state/memory-state.ts';
export type { SanityReport } from './traces/sanity.ts';
export { parseSharedExpression, type SharedExpression } from './traces/shared-expression.ts';
export { churn } from './workloads/churn.ts';
export type { Parameter, WorkloadGenerator } from './workloads/define.ts';
export { netvsc } from './workloads/netvsc.ts';
export { WORKLOADS, workloadNamed } from './workloads/registry.ts';
export { requestsHash } from './workloads/requests-hash.ts';
export { type Workload, workload } from './workloads/workload.ts';

// Policies: found by name or file, and checked against the rules.

export { type Conformance, type ConformanceOptions, checkConformance } from './policies/conformance.ts';
export { type NamedPolicy, policyFor } from './policies/load.ts';

// Runs: one policy, or a comparison of several with bounds that no policy can beat.

export type { Bound, Bounds } from './bounds/bounds.ts';
export type { MeasuredBlocks } from './bounds/measured.ts';
export type { WorstCase } from './bounds/worst-case.ts';
export { type CompareOptions, type Comparison, type ComparisonInput, compare } from './compare/compare.ts';
export { type RunOptions, type RunResult, type RunSettings, runPolicy } from './compare/run.ts';
export type { Spread } from './compare/spread.ts';

// Metrics: computed from the events of a run or a log.

export {
  METRICS,
  type Metric,
  type MetricId,
  type MetricValue,
  metricsOfRun,
  type RunMetrics,
} from './metrics/metric.ts';

// Results: as JSON, CSV and text.

export { resultsCsv } from './report/csv.ts';
export { mailText } from './report/mail.ts';
export { readResults, type StoredResults } from './report/read-results.ts';
export { type Results, resultsOf } from './report/results.ts';
export { comparisonText } from './report/terminal.ts';
export { readSweepResults, type SweepResults, type SweepRow, type SweepRun } from './sweep/results.ts';

// Event logs: written, read from the start or at any event, and recovered.

export type { LogFormat } from './log/format.ts';
export { batchesOf, type EventRange, eventsOf, statesOf } from './log/observe.ts';
export { type OpenLog, openLog } from './log/open.ts';
export { type LogPart, type OnRead, type ReadOptions, readLog } from './log/read.ts';
export { type Recovered, recoverLog } from './log/recover.ts';
export { type LogWriter, type LogWriterOptions, openLogWriter } from './log/write.ts';

// Re-runs of logs: replayed, verified, compared, and served again with another policy or without one request.

export { diffLogs, type LogDiff } from './rerun/diff.ts';
export type { Divergence } from './rerun/divergence.ts';
export {
  type Forked,
  type ForkOptions,
  forkLog,
  type SkipOptions,
  type Skipped,
  skipRequest,
} from './rerun/fork.ts';
export { type ReplayResult, replay } from './rerun/replay.ts';
export { policyOf } from './rerun/rerun.ts';
export type { ServedAgain } from './rerun/serve-again.ts';
export { type Check, type VerifyOptions, verifyLog } from './rerun/verify.ts';

// The settings file of the command.

export { type DecpoolConfig, defineConfig } from './cli/config.ts';

/** A pool as a log's header describes it, to serve the log's requests again. */
import { InputError, type LogHeader, spanOf, x86Geometry } from '@decpool/model';
import { handover, type PolicyFactory, Pool, policyNamed } from '@decpool/pool';

/** Events in a batch, as a run has them: then the log of a run again has the same segments. */
const BATCH_ROWS = 8192;

/**
 * The policies that decided a log's requests, one after the other, by the names in its header. Names only: what a log says is never
 * taken for a file. `own` are policies of the user's, by name.
 */
export function policyOf(
  header: LogHeader,
  own: ReadonlyMap<string, PolicyFactory> = new Map(),
): PolicyFactory {
  const { policy, handovers = [] } = header;
  const known = (name: string): PolicyFactory => {
    const factory = own.get(name);
    if (factory !== undefined) return factory;
    try {
      return policyNamed(name);
    } catch (error) {
      const why = error instanceof InputError ? error.message : String(error);
      throw new InputError(
        `the log was made by policy '${name}'; name its file with --own if it is one of yours (${why})`,
      );
    }
  };
  return handovers.reduceRight(
    (after, earlier) => handover(known(earlier.policy), after, earlier.request),
    known(policy),
  );
}

/** Throws InputError for a header that no run has: such a log can be folded, and not be run again. */
export function poolFor(header: LogHeader, policy: PolicyFactory): Pool {
  const { memory, platform, seed, pageSource, workerDelay, swiotlb, faults, workload, geometry } = header;
  const expected = x86Geometry(spanOf(memory));
  for (const part of ['pageShift', 'pagesPerBlock', 'blocksPerRegion', 'spanPages'] as const) {
    if (geometry[part] === expected[part]) continue;
    throw new InputError(
      `the log cannot be run again: its geometry has a ${part} of ${geometry[part]}, its memory makes it ${expected[part]}`,
    );
  }
  return new Pool({
    memory,
    platform,
    policy,
    seed,
    pageSource,
    workerDelay,
    workload,
    ...(swiotlb === undefined ? {} : { swiotlb }),
    ...(faults === undefined ? {} : { faults }),
    batchRows: BATCH_ROWS,
  });
}

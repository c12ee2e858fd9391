/** A pool as a log's header describes it, to serve the log's requests again. */
import { InputError, type LogHeader, spanOf, x86Geometry } from '@decpool/model';
import { handover, type PolicyFactory, Pool, policyNamed } from '@decpool/pool';

/** Events in a batch, as a run has them: then the log of a run again has the same segments. */
const BATCH_ROWS = 8192;

/** The policies that decided the requests of a log, one after the other. */
export interface Policies {
  /** As one, where `requestOf(i)` is the last request before the i-th of them hands over. */
  over(requestOf: (handover: number) => number): PolicyFactory;
}

/**
 * The policies by the names in a log's header. Names only: what a log says is never taken for a file. `own` are policies of the
 * user's, by name; `last` decides instead of the last of them.
 */
export function policiesOf(
  header: LogHeader,
  own: ReadonlyMap<string, PolicyFactory> = new Map(),
  last?: PolicyFactory,
): Policies {
  const { policy, handovers = [] } = header;
  const earlier = handovers.map(({ policy: name }) => known(name, own));
  const final = last ?? known(policy, own);
  return {
    over: (requestOf) =>
      earlier.reduceRight((after, before, index) => handover(before, after, () => requestOf(index)), final),
  };
}

/** As policiesOf(), where they hand over as the header says. */
export function policyOf(
  header: LogHeader,
  own?: ReadonlyMap<string, PolicyFactory>,
  last?: PolicyFactory,
): PolicyFactory {
  const { handovers = [] } = header;
  return policiesOf(header, own, last).over((index) => handovers[index].request);
}

function known(name: string, own: ReadonlyMap<string, PolicyFactory>): PolicyFactory {
  const factory = own.get(name);
  if (factory !== undefined) return factory;
  try {
    return policyNamed(name);
  } catch (error) {
    const why = error instanceof InputError ? error.message : String(error);
    throw new InputError(
      `policy '${name}' of the log: ${why} For a policy of your own, name its file with --own.`,
    );
  }
}

/** Throws InputError for a header that no run has: such a log can be folded, and not be run again. */
export function poolFor(header: LogHeader, policy: PolicyFactory): Pool {
  const { memory, platform, seed, pageSource, workerDelay, swiotlb, faults, workload, geometry } = header;
  const expected = x86Geometry(spanOf(memory));
  for (const part of ['pageShift', 'pagesPerBlock', 'blocksPerRegion', 'spanPages'] as const) {
    if (geometry[part] === expected[part]) continue;
    throw new InputError(
      `log header, 'geometry.${part}': ${geometry[part]}; expected ${expected[part]} for its memory, so the log cannot be run again`,
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

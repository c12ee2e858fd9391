/** A pool as a log's header describes it, to run the log's requests again. */
import { InputError, type LogHeader, spanOf, x86Geometry } from '@decpool/model';
import { RULES_REVISION } from '@decpool/model/internal';
import { type PolicyFactory, type Pool, policyNamed } from '@decpool/pool';
import { handover } from '@decpool/pool/internal';
import { poolFor } from '../compare/pool-for.ts';

/** Policies of the user's own, by name. */
export type OwnPolicies = ReadonlyMap<string, PolicyFactory>;

/** The last request before the i-th policy of a log hands over to the next. */
export type HandoverRequest = (index: number) => number;

/**
 * The policies that decided the requests of a log, as one policy. They are found by the names in the header, in `own` or the registry:
 * a name in a log is never taken for a file. `last` replaces the last of them. `requestOf`: default as in the header.
 */
export function policyOf(
  header: LogHeader,
  own: OwnPolicies = new Map(),
  last?: PolicyFactory,
  requestOf?: HandoverRequest,
): PolicyFactory {
  const { policy, handovers = [] } = header;
  return handovers.reduceRight(
    (after, { policy: name, request }, index) =>
      handover(known(name, own), after, () => requestOf?.(index) ?? request),
    last ?? known(policy, own),
  );
}

function known(name: string, own: OwnPolicies): PolicyFactory {
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

/** Why the requests of a log cannot be decided again, if they were decided under another rules revision than today's. */
export function otherRules({ rules }: LogHeader): string | undefined {
  if (rules === RULES_REVISION) return undefined;
  return `the log was decided under rules revision ${rules}; this program decides under revision ${RULES_REVISION}. Its events can be read and folded, but its requests cannot be decided again.`;
}

/** Throws InputError for a header that no run has: such a log can be folded, but its requests cannot be run again. */
export function rerunPool(header: LogHeader, policy: PolicyFactory): Pool {
  const { memory, geometry } = header;
  const refusal = otherRules(header);
  if (refusal !== undefined) throw new InputError(refusal);
  const expected = x86Geometry(spanOf(memory));
  for (const part of ['pageShift', 'pagesPerBlock', 'blocksPerRegion', 'spanPages'] as const) {
    if (geometry[part] === expected[part]) continue;
    throw new InputError(
      `log header, 'geometry.${part}': ${geometry[part]}; expected ${expected[part]} for its memory, so the log cannot be run again`,
    );
  }
  return poolFor(header, policy);
}

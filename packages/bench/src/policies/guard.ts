/**
 * The policy of a user's file: its shape is checked, and whatever its code throws becomes an InputError with file, line and
 * request.
 */
import { type AllocateRequest, type FreeRequest, InputError, type StateView } from '@decpool/model';
import type { Policy, PolicyFactory } from '@decpool/pool';
import { placeOf, shown } from '../files/source-place.ts';
import { pagesOf } from './request-text.ts';
import { calling, inTime } from './time-limit.ts';

/** What a name may be made of: it is a heading, a cell of a table and part of a file name. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} .,:+=@()_/-]{0,79}$/u;
const OPTIONAL_METHODS = [
  'cacheFor',
  'freesWithoutSleeping',
  'hasWork',
  'workDueAt',
  'work',
  'shrink',
] as const;

/** Its policy throws InputError that names the file, when it is made and when it decides. */
export function guarded(factory: PolicyFactory, file: string): PolicyFactory {
  return (view) => {
    const policy = attempt(
      file,
      () => 'making the policy',
      () => inTime(() => factory(view)),
    );
    expectPolicy(policy, file);
    return guardedPolicy(policy, file, view);
  };
}

function guardedPolicy(policy: Policy, file: string, view: StateView): Policy {
  /** The method, with its first argument frozen and its exceptions named. */
  const guard =
    <First, Others extends readonly unknown[], Answer>(
      what: string | ((first: First) => string),
      method: (first: First, ...others: Others) => Answer,
    ) =>
    (first: First, ...others: Others): Answer =>
      attempt(
        file,
        () => {
          const call = typeof what === 'string' ? what : what(first);
          return `policy '${policy.name}', request ${view.counter('requests')} (${call})`;
        },
        () => method.call(policy, Object.freeze(first), ...others),
      );
  const {
    name,
    bounceBuffers,
    triesSwiotlbFirst,
    keepsZonesReady,
    replacesAtomicPools,
    atomicPoolPages,
    leaksAtOnce,
  } = policy;
  const { cacheFor, freesWithoutSleeping, hasWork, workDueAt, work, shrink } = policy;
  return {
    name,
    ...(bounceBuffers && { bounceBuffers }),
    ...(triesSwiotlbFirst && { triesSwiotlbFirst }),
    ...(replacesAtomicPools && { replacesAtomicPools }),
    ...(keepsZonesReady && { keepsZonesReady }),
    ...(atomicPoolPages && { atomicPoolPages }),
    ...(leaksAtOnce && { leaksAtOnce }),
    allocate: guard(allocation, policy.allocate),
    free: guard(freeing, policy.free),
    ...(cacheFor && { cacheFor: guard(allocation, cacheFor) }),
    ...(freesWithoutSleeping && {
      freesWithoutSleeping: guard('freesWithoutSleeping()', freesWithoutSleeping),
    }),
    ...(hasWork && { hasWork: guard('hasWork()', hasWork) }),
    ...(workDueAt && { workDueAt: () => guard('workDueAt()', workDueAt)(undefined) }),
    ...(work && { work: guard('the deferred worker', work) }),
    ...(shrink && { shrink: guard('the shrinker', shrink) }),
  };
}

const allocation = ({ api, pages, owner }: AllocateRequest) => `${api} of ${pagesOf(pages)} for '${owner}'`;
const freeing = ({ allocation }: FreeRequest) => `free of allocation ${allocation}`;

/** The engine's own errors are InputErrors already; whatever else a file's code throws becomes one here. */
function attempt<Result>(file: string, what: () => string, call: () => Result): Result {
  calling(() => `${shown(file)}: ${what()}`);
  try {
    const result = call();
    if (isPromise(result)) throw new TypeError('returned a promise; a policy decides at once, without async');
    return result;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const place = placeOf(error, file) ?? shown(file);
    const message = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    throw new InputError(`${place}: ${what()}: ${message}`);
  }
}

function isPromise(result: unknown): boolean {
  if (typeof result !== 'object' || result === null || !('then' in result)) return false;
  // What it is rejected with would end the process.
  if (typeof result.then === 'function') result.then(undefined, () => {});
  return true;
}

function expectPolicy(policy: unknown, file: string): asserts policy is Policy {
  if (typeof policy !== 'object' || policy === null) {
    const what = String(policy);
    refuse(file, `its function returned ${what}; expected a policy: { name, allocate, free }`);
  }
  const shape: Partial<Record<keyof Policy, unknown>> = policy;
  const { name, bounceBuffers, atomicPoolPages } = shape;
  if (typeof name !== 'string' || !NAME.test(name)) {
    refuse(
      file,
      `the name of its policy is ${JSON.stringify(name)}; expected 1 to 80 letters, digits and . , : + = @ ( ) _ / -`,
    );
  }
  for (const method of ['allocate', 'free'] as const) {
    if (typeof shape[method] !== 'function') {
      refuse(file, `its policy '${name}' has no ${method}(); expected { name, allocate, free }`);
    }
  }
  for (const method of OPTIONAL_METHODS) {
    if (shape[method] !== undefined && typeof shape[method] !== 'function') {
      refuse(file, `in its policy '${name}', ${method} is not a function`);
    }
  }
  if (bounceBuffers !== undefined && bounceBuffers !== 'fixed' && bounceBuffers !== 'dynamic') {
    refuse(file, `in its policy '${name}', bounceBuffers is invalid; expected 'fixed' or 'dynamic'`);
  }
  if (atomicPoolPages !== undefined && !(Number.isInteger(atomicPoolPages) && Number(atomicPoolPages) > 0)) {
    refuse(file, `in its policy '${name}', atomicPoolPages is invalid; expected a number of pages`);
  }
}

function refuse(file: string, why: string): never {
  throw new InputError(`policy file '${shown(file)}': ${why}`);
}

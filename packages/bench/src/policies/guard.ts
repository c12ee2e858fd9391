/**
 * What a user's file exports, made a policy as the others are: its shape is looked at, and whatever its code throws is told
 * as a mistake in the file, with the line and the request.
 */
import { type AllocateRequest, type FreeRequest, InputError, type StateView } from '@decpool/model';
import type { Policy, PolicyFactory } from '@decpool/pool';
import { placeOf, shown } from '../files/source-place.ts';

/** What a name may be made of: it is a heading, a cell of a table and part of a file name. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} .,:+=@()_/-]{0,79}$/u;
const OPTIONAL_METHODS = ['cacheFor', 'freesWithoutSleeping', 'hasWork', 'workDueAt', 'work'] as const;

/** Throws InputError, when it is called and when its policy decides, that names the file. */
export function guarded(factory: PolicyFactory, file: string): PolicyFactory {
  return (view) => {
    const policy = told(file, 'making the policy', () => factory(view));
    expectPolicy(policy, file);
    return new GuardedPolicy(policy, file, view).policy;
  };
}

class GuardedPolicy {
  readonly #file: string;
  readonly #view: StateView;
  readonly #name: string;
  readonly policy: Policy;

  constructor(policy: Policy, file: string, view: StateView) {
    this.#file = file;
    this.#view = view;
    this.#name = policy.name;
    this.policy = {
      name: policy.name,
      ...(policy.bounceBuffers === undefined ? {} : { bounceBuffers: policy.bounceBuffers }),
      allocate: (request, at, record) =>
        this.#told(allocation(request), () => policy.allocate(Object.freeze(request), at, record)),
      free: (request, at, record) =>
        this.#told(freeing(request), () => policy.free(Object.freeze(request), at, record)),
      ...this.#optionalOf(policy),
    };
  }

  #optionalOf(policy: Policy): Partial<Policy> {
    const { cacheFor, freesWithoutSleeping, hasWork, workDueAt, work } = policy;
    return {
      ...(cacheFor && {
        cacheFor: (request) =>
          this.#told(allocation(request), () => cacheFor.call(policy, Object.freeze(request))),
      }),
      ...(freesWithoutSleeping && {
        freesWithoutSleeping: (id) =>
          this.#told('freesWithoutSleeping()', () => freesWithoutSleeping.call(policy, id)),
      }),
      ...(hasWork && {
        hasWork: (range) => this.#told('hasWork()', () => hasWork.call(policy, Object.freeze({ ...range }))),
      }),
      ...(workDueAt && {
        workDueAt: () => this.#told('workDueAt()', () => workDueAt.call(policy)),
      }),
      ...(work && {
        work: (view, record) => this.#told('the deferred worker', () => work.call(policy, view, record)),
      }),
    };
  }

  #told<Result>(what: string, call: () => Result): Result {
    return told(
      this.#file,
      () => `policy '${this.#name}', request ${this.#view.counter('requests')} (${what})`,
      call,
    );
  }
}

const allocation = ({ api, pages, owner }: AllocateRequest) =>
  `${api} of ${pages} ${pages === 1 ? 'page' : 'pages'} for '${owner}'`;
const freeing = ({ allocation }: FreeRequest) => `free of allocation ${allocation}`;

/** What the engine refuses is told by the engine; all else that a file's code throws is told here. */
function told<Result>(file: string, what: string | (() => string), call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const place = placeOf(error, file) ?? shown(file);
    const message = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    throw new InputError(`${place}: ${typeof what === 'string' ? what : what()}: ${message}`);
  }
}

function expectPolicy(policy: unknown, file: string): asserts policy is Policy {
  if (typeof policy !== 'object' || policy === null || 'then' in policy) {
    const what = typeof policy === 'object' && policy !== null ? 'a promise' : String(policy);
    refuse(file, `its function returned ${what}; expected a policy: { name, allocate, free }`);
  }
  const { name, ...methods } = shapeOf(policy);
  if (typeof name !== 'string' || !NAME.test(name)) {
    refuse(
      file,
      `the name of its policy is ${JSON.stringify(name)}; expected 1 to 80 letters, digits and . , : + = @ ( ) _ / -`,
    );
  }
  for (const method of ['allocate', 'free'] as const) {
    if (typeof methods[method] !== 'function') {
      refuse(file, `its policy '${name}' has no ${method}(); expected { name, allocate, free }`);
    }
  }
  for (const method of OPTIONAL_METHODS) {
    if (methods[method] !== undefined && typeof methods[method] !== 'function') {
      refuse(file, `in its policy '${name}', ${method} is not a function`);
    }
  }
  const { bounceBuffers } = methods;
  if (bounceBuffers !== undefined && bounceBuffers !== 'fixed' && bounceBuffers !== 'dynamic') {
    refuse(file, `in its policy '${name}', bounceBuffers is invalid; expected 'fixed' or 'dynamic'`);
  }
}

const shapeOf = (policy: object): Partial<Record<keyof Policy, unknown>> => {
  const { name, allocate, free, bounceBuffers, cacheFor, freesWithoutSleeping, hasWork, workDueAt, work } =
    policy as Partial<Record<keyof Policy, unknown>>;
  return { name, allocate, free, bounceBuffers, cacheFor, freesWithoutSleeping, hasWork, workDueAt, work };
};

function refuse(file: string, why: string): never {
  throw new InputError(`policy file '${shown(file)}': ${why}`);
}

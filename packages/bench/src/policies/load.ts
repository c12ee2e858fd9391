/** Policies by what a command line says: a name of the registry, or a file that exports one. */
import { resolve } from 'node:path';
import { Columns, InputError, platformNamed, spanOf, x86Geometry } from '@decpool/model';
import { freshBoot, type PolicyFactory, policyNamed } from '@decpool/pool';
import { isFile } from '../files/stats.ts';
import { defaultExportOf } from '../files/user-file.ts';
import { changedBuiltins, watchBuiltins } from './builtins.ts';
import { guarded } from './guard.ts';
import { limitTime } from './time-limit.ts';

/** A policy and what it is called in results. */
export interface NamedPolicy {
  /** For headings and file names: as it was given, or what the policy of a file calls itself. */
  readonly name: string;
  readonly factory: PolicyFactory;
}

/** Whether a policy is named by its file. */
export const isPolicyFile = (name: string): boolean => name.includes('/') || /\.(ts|mts|js|mjs)$/.test(name);

/**
 * The policy of that name, or the default export of that file, which is run. Throws InputError for an unknown name, a file
 * that cannot be loaded, or another export.
 */
export async function policyFor(name: string): Promise<PolicyFactory> {
  if (!isPolicyFile(name)) return policyNamed(name);
  const file = resolve(name);
  if (!isFile(file)) {
    throw new InputError(`policy file '${name}': there is no such file`);
  }
  watchBuiltins();
  limitTime();
  const factory = await defaultExportOf(file, 'policy file');
  expectBuiltins();
  if (typeof factory !== 'function') {
    const what = factory === undefined ? 'it has no default export' : 'its default export is not a function';
    throw new InputError(
      `policy file '${name}': ${what}; expected export default (view) => policy, such as the result of poolPolicy()`,
    );
  }
  return guarded(factory as PolicyFactory, file);
}

/** Throws InputError if a policy file has changed what all code shares. To be called when a run has ended. */
export function expectBuiltins(): void {
  const why = changedBuiltins();
  if (why !== undefined) throw new InputError(why);
}

/** The policies of a list. Throws InputError as policyFor() does, and when two have one name. */
export async function policiesFor(names: readonly string[]): Promise<readonly NamedPolicy[]> {
  const policies: NamedPolicy[] = [];
  for (const given of names) {
    const factory = await policyFor(given);
    const name = isPolicyFile(given) ? nameOf(factory) : given;
    const other = policies.findIndex((policy) => fileNameOf(policy.name) === fileNameOf(name));
    if (other !== -1) {
      throw new InputError(
        `policies '${names[other]}' and '${given}': both are named '${name}'; give each its own name`,
      );
    }
    policies.push({ name, factory });
  }
  return policies;
}

/** A policy's name as part of a file's: whatever a shell or a file system could take for something else is a dash. */
export const fileNameOf = (policy: string): string => policy.replace(/[^\p{L}\p{N}.:+_=@-]+/gu, '-');

/** What the policy of a file calls itself: it is made once, for a guest that nothing is done with. */
function nameOf(factory: PolicyFactory): string {
  const memory = freshBoot(PROBE_BYTES);
  const machine = { geometry: x86Geometry(spanOf(memory)), platform: platformNamed('snp') };
  return factory(new Columns(machine, memory.directMap).view()).name;
}
const PROBE_BYTES = 64 * 2 ** 20;

import type { PolicyFactory } from '@decpool/pool';
import { policiesFor } from '../policies/load.ts';

/** The user's own policies, by the names that logs have them under. Throws InputError as policiesFor() does. */
export async function ownPolicies(files: readonly string[]): Promise<ReadonlyMap<string, PolicyFactory>> {
  const policies = await policiesFor(files);
  return new Map(policies.map(({ name, factory }) => [name, factory]));
}

export const filesIn = (list: string | undefined): readonly string[] => list?.split(',') ?? [];

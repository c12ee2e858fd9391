import type { PolicyFactory } from '@decpool/pool';

/** The policies of --own, by the names that logs have them under. Throws InputError as policiesFor() does. */
export async function ownPolicies(list: string | undefined): Promise<ReadonlyMap<string, PolicyFactory>> {
  if (list === undefined) return new Map();
  const { policiesFor } = await import('../policies/load.ts');
  const policies = await policiesFor(list.split(','));
  return new Map(policies.map(({ name, factory }) => [name, factory]));
}

import type { PolicyFactory } from '@decpool/pool';
import { policiesFor } from '../policies/load.ts';

/** The policies of --own, by the names that logs have them under. Throws InputError as policiesFor() does. */
export async function ownPolicies(list: string | undefined): Promise<ReadonlyMap<string, PolicyFactory>> {
  const policies = await policiesFor(list?.split(',') ?? []);
  return new Map(policies.map(({ name, factory }) => [name, factory]));
}

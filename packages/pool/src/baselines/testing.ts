/** What the specs of this folder share. */

import type { Faults } from '@decpool/model';
import {
  brokenInvariants,
  type CounterName,
  type Counters,
  type FailureReason,
  GFP,
  type PlatformName,
  type PoolEvent,
  platformNamed,
} from '@decpool/model';
import type { GranulePages } from '@decpool/model/internal';
import { freshBoot } from '../page-source/profiles.ts';
import { type AllocationResult, Pool, type RequestOptions } from '../pool.ts';
import { policyNamed } from '../registry.ts';
import type { SwiotlbSettings } from '../swiotlb/swiotlb.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
/** Simulated ns by which a deferred worker has run. */
export const WORKED = 10_000_000;

export interface Setting {
  readonly platform?: PlatformName;
  readonly granulePages?: GranulePages;
  readonly memory?: ReturnType<typeof freshBoot>;
  readonly faults?: Faults;
  readonly seed?: number;
  readonly atomicPools?: boolean;
  readonly swiotlb?: SwiotlbSettings;
}

/** A pool and all that it tells, from its first event on. */
export interface Watched {
  readonly pool: Pool;
  readonly events: PoolEvent[];
}

export function watched(policy: string, setting: Setting = {}): Watched {
  const { platform = 'snp', granulePages = 1, memory = freshBoot(256 * MIB), faults, seed = 1 } = setting;
  const { atomicPools = false, swiotlb } = setting;
  const pool = new Pool({
    memory,
    platform: { ...platformNamed(platform), granulePages },
    policy: policyNamed(policy),
    seed,
    atomicPools,
    ...(faults === undefined ? {} : { faults }),
    ...(swiotlb === undefined ? {} : { swiotlb }),
  });
  const events: PoolEvent[] = [];
  pool.events$.subscribe((event) => events.push(event));
  return { pool, events };
}

/** The same, with what is held ready at boot made already: its events are over, and its counters can be subtracted. */
export function booted(policy: string, setting: Setting = {}): Watched {
  const { pool, events } = watched(policy, setting);
  pool.free(expectServed(pool.alloc_pages(0, { owner: 'boot' })).allocation);
  events.length = 0;
  return { pool, events };
}

export function expectServed(result: AllocationResult): Extract<AllocationResult, { ok: true }> {
  if (!result.ok) throw new Error(`allocation ${result.allocation} was refused`);
  return result;
}

/** Why the last refused request was refused. */
export const lastFailure = (events: readonly PoolEvent[]): FailureReason | undefined =>
  events.findLast((event) => event.type === 'allocation-failed')?.reason;

/** What each counter grew by while `act` ran. */
export function growthOf(pool: Pool, act: () => void): Counters {
  const before = pool.counters;
  act();
  return Object.fromEntries(
    Object.entries(pool.counters).map(([name, value]) => [name, value - before[name as CounterName]]),
  ) as Counters;
}

/** What happens to pages, as `pages-claimed 8`. */
export const steps = (events: readonly PoolEvent[]): string[] =>
  events.flatMap((event) =>
    STEPS.has(event.type) && 'pages' in event ? [`${event.type} ${event.pages}`] : [],
  );

const STEPS = new Set([
  'pages-claimed',
  'pages-returned',
  'pages-decrypted',
  'pages-encrypted',
  'vm-area-decrypted',
  'vm-area-encrypted',
  'pages-allocated',
  'pages-freed',
  'pages-leaked',
]);

export const atomic = (owner: string, at?: number): RequestOptions => ({
  owner,
  gfp: GFP.GFP_ATOMIC,
  ...(at === undefined ? {} : { at }),
});

export const soundness = (pool: Pool, memory = freshBoot(256 * MIB)): string[] =>
  brokenInvariants(pool.view, memory.directMap);

export type { EventSink } from './engine.ts';
export { createPageSource, type PageSource } from './page-source/buddy.ts';
export { directMapOf, fragmented, freshBoot } from './page-source/profiles.ts';
export { type Random, randomFrom } from './page-source/random.ts';
export type { Policy, PolicyFactory, Recorder } from './policy.ts';
export { type AllocationResult, Pool, type PoolOptions, type RequestOptions } from './pool.ts';
export { BASELINES, CONVERSIONS, PLACEMENTS, policyNamed, SUPPLIES } from './registry.ts';

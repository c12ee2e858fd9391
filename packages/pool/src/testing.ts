/** What the specs of this package share: a pool with little memory, and all that it tells. */
import {
  type EventType,
  type Platform,
  type PlatformName,
  type PoolEvent,
  platformNamed,
} from '@decpool/model';
import { freshBoot } from './page-source/profiles.ts';
import type { PolicyFactory } from './policy.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { BASELINES, PLACEMENTS, policyNamed, RECOMMENDED } from './registry.ts';

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Every baseline, and of the pool family each conversion with each supply. */
export const SOME_POLICIES: readonly string[] = [
  ...Object.keys({ ...BASELINES, ...RECOMMENDED }),
  'first-fit+block+immediate',
  'best-fit+block+never-return',
  'longest-free-range+block+reserve:64:700+immediate',
  'longest-free-range+block+reserve:64:512+hysteresis:0.001+shrinker',
  'longest-free-range+page+immediate',
  'first-fit+page+never-return',
  'best-fit+page+reserve:20:100+immediate',
  'buddy+granule:64+hysteresis:0.001',
  'fullest-first+adaptive:50+demand:0.01',
  'lifetime+adaptive:10+reserve:64:700+immediate',
];

const SOME_CONVERSIONS = ['block', 'page', 'granule:32', 'adaptive:25'];
const SOME_SUPPLIES = [
  'immediate+shrinker',
  'reserve:64:512+hysteresis:0.0001',
  'reserve:256:1024+immediate',
  'hysteresis:0.0001+shrinker',
  'demand:0.01',
  'reserve:64:512+demand:0.01+shrinker',
  'reserve:64:512+never-return+shrinker',
  'never-return',
];

/** Every baseline; every placement twice, with conversions and supplies that change from one to the next. */
export const VARIED_POLICIES: readonly string[] = [
  ...Object.keys({ ...BASELINES, ...RECOMMENDED }),
  ...Object.keys(PLACEMENTS).flatMap((name, index) =>
    [index, index + 5].map((turn) => {
      const placement = name === 'llfree' ? 'llfree:2' : name;
      const conversion = SOME_CONVERSIONS[turn % SOME_CONVERSIONS.length];
      return `${placement}+${conversion}+${SOME_SUPPLIES[(turn + Math.floor(turn / 8)) % SOME_SUPPLIES.length]}`;
    }),
  ),
];

export interface Watched {
  readonly pool: Pool;
  /** Grows as the pool goes on. */
  readonly events: readonly PoolEvent[];
}

type Options = Partial<Omit<PoolOptions, 'policy' | 'platform'>> & {
  readonly platform?: PlatformName | Platform;
};

/** A pool in a fresh 64 MiB guest of platform `snp`. Options replace these. */
export function watched(
  policy: string | PolicyFactory,
  { platform = 'snp', ...options }: Options = {},
): Watched {
  const pool = new Pool({
    memory: freshBoot(64 * MIB),
    platform: typeof platform === 'string' ? platformNamed(platform) : platform,
    policy: typeof policy === 'string' ? policyNamed(policy) : policy,
    ...options,
  });
  const events: PoolEvent[] = [];
  pool.events$.subscribe((event) => events.push(event));
  return { pool, events };
}

/** The events of one type. */
export const eventsOf = <Type extends EventType>(
  events: readonly PoolEvent[],
  type: Type,
): Extract<PoolEvent, { type: Type }>[] =>
  events.filter((event): event is Extract<PoolEvent, { type: Type }> => event.type === type);

const CONVERSIONS: readonly EventType[] = [
  'pages-decrypted',
  'pages-encrypted',
  'vm-area-decrypted',
  'vm-area-encrypted',
  'conversion-failed',
];

/** The events that are conversions, also those that failed. */
export const conversionsIn = (events: readonly PoolEvent[]): PoolEvent[] =>
  events.filter(({ type }) => CONVERSIONS.includes(type));

/** Why the last request that was refused was. */
export const lastRefusal = (events: readonly PoolEvent[]): string | undefined =>
  eventsOf(events, 'allocation-failed').at(-1)?.reason;

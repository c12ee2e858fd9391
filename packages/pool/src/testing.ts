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
import { BASELINES, PLACEMENTS, policyNamed } from './registry.ts';

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Every baseline, and of the pool family each conversion with each supply. */
export const SOME_POLICIES: readonly string[] = [
  ...Object.keys(BASELINES),
  'first-fit+block+immediate',
  'best-fit+block+never-return',
  'longest-free-range+block+watermark:64:700',
  'longest-free-range+page+immediate',
  'first-fit+page+never-return',
  'best-fit+page+watermark:20:100',
  'buddy+granule:64+hysteresis:0.001',
  'fullest-first+adaptive:50+demand:0.01',
  'lifetime+adaptive:10+watermark:64:700',
];

const SOME_CONVERSIONS = ['block', 'page', 'granule:32', 'adaptive:25'];
const SOME_SUPPLIES = ['immediate', 'hysteresis:0.0001', 'watermark:256:1024', 'demand:0.01', 'never-return'];

/** Every baseline; every placement twice, with conversions and supplies that change from one to the next. */
export const VARIED_POLICIES: readonly string[] = [
  ...Object.keys(BASELINES),
  ...Object.keys(PLACEMENTS).flatMap((name, index) =>
    [index, index + 5].map((turn) => {
      const placement = name === 'llfree' ? 'llfree:2' : name;
      const conversion = SOME_CONVERSIONS[turn % SOME_CONVERSIONS.length];
      return `${placement}+${conversion}+${SOME_SUPPLIES[(turn + 2 * Math.floor(turn / 5)) % SOME_SUPPLIES.length]}`;
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

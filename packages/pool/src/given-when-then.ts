/**
 * Specs that read as sentences: given these requests, when this one comes, then these events happen. No test runner is needed: a
 * spec that fails throws an Error that shows both sides.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type FailureReason,
  type MemoryState,
  type Nanoseconds,
  type Platform,
  type PoolEvent,
  platformNamed,
  type Request,
} from '@decpool/model';
import { type EventBody, EventRows } from '@decpool/model/internal';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { freshBoot } from './page-source/profiles.ts';
import type { PolicyFactory } from './policy.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { policyNamed } from './registry.ts';

type WithoutTime<Kind> = Kind extends Request ? Omit<Kind, 'time'> & { readonly time?: number } : never;

/** A request as a spec writes it down: default time: that of the one before; default allocation: the next number. */
type SpecRequest =
  | (Omit<AllocateRequest, 'time' | 'allocation' | 'bytes'> & {
      readonly time?: number;
      readonly allocation?: number;
      /** Default: all of the pages. */
      readonly bytes?: number;
    })
  | WithoutTime<Exclude<Request, AllocateRequest>>;

/** An event as a spec expects it: its type, and those of its fields that matter. */
type ExpectedEvent = { readonly type: PoolEvent['type'] } & Readonly<Record<string, unknown>>;

interface PolicySpecOptions extends Partial<Omit<PoolOptions, 'policy' | 'platform'>> {
  readonly policy: string | PolicyFactory;
  /** Default: `snp`. */
  readonly platform?: Platform;
  /** Default: a fresh boot of 64 MiB. */
  readonly memory?: MemoryState;
}

/**
 * Specs of one policy: `const given = policySpec({ policy })`, then `given(requests).when(request).then(events)`. The given
 * requests are served first, because a policy learns from requests only.
 */
export function policySpec({ policy, platform, memory, ...options }: PolicySpecOptions) {
  return (...history: readonly SpecRequest[]) => ({
    /** Serves these requests. Throws InputError for an invalid one. */
    when(...requests: readonly SpecRequest[]): Outcome {
      const pool = new Pool({
        ...options,
        memory: memory ?? freshBoot(2 ** 26),
        platform: platform ?? platformNamed('snp'),
        policy: typeof policy === 'string' ? policyNamed(policy) : policy,
      });
      const events: PoolEvent[] = [];
      for (const request of history) pool.request(completed(request, pool));
      const subscription = pool.events$.subscribe((event) => events.push(event));
      for (const request of requests) pool.request(completed(request, pool));
      subscription.unsubscribe();
      return new Outcome(pool, events);
    },
  });
}

/** The same for what is made of events: a projection is an operator on `events$`, and its last value counts. */
export function projectionSpec<Value>(project: (events$: Observable<PoolEvent>) => Observable<Value>) {
  return (...history: readonly SpecEvent[]) => ({
    /** Shows these events to the projection. */
    when(...events: readonly SpecEvent[]) {
      const all = eventsOf([...history, ...events]);
      return {
        /** The value after the last event is this, or passes this check. */
        // biome-ignore lint/suspicious/noThenProperty: a spec reads so, and nobody awaits the object
        async then(expected: Value | ((value: Value) => void)): Promise<void> {
          const value = await lastValueFrom(project(from(all)));
          if (isCheck(expected)) expected(value);
          else if (!isEqual(value, expected)) throw unlike([expected], [value]);
        },
      };
    },
  });
}

/** An event without its position; default time and request: 0. */
type SpecEvent = EventBody & { readonly time?: number; readonly request?: number };

const isCheck = <Value>(expected: Value | ((value: Value) => void)): expected is (value: Value) => void =>
  typeof expected === 'function';

function eventsOf(bodies: readonly SpecEvent[]): readonly PoolEvent[] {
  const rows = new EventRows(Math.max(1, bodies.length));
  for (const body of bodies) rows.appendObject(body);
  return [...rows.seal(0)];
}

function completed(request: SpecRequest, pool: Pool): Request {
  const time = (request.time ?? pool.time) as Nanoseconds;
  if (request.kind !== 'allocate') return { ...request, time } as Request;
  const { allocation = pool.view.counter('lastAllocation') + 1, bytes = request.pages * 4096 } = request;
  return { ...request, time, bytes, allocation: allocation as AllocationId };
}

/** What the policy has done since when(). */
export class Outcome {
  readonly pool: Pool;
  /** All events since when(). */
  readonly events: readonly PoolEvent[];

  constructor(pool: Pool, events: readonly PoolEvent[]) {
    this.pool = pool;
    this.events = events;
  }

  /** Exactly these events happen, in this order. Owners getting their numbers, and the request itself, can be left out. */
  // biome-ignore lint/suspicious/noThenProperty: a spec reads so, and nobody awaits the object
  then(...expected: readonly ExpectedEvent[]): void {
    const named = new Set(expected.map(({ type }) => type));
    const events = this.events.filter(({ type }) => named.has(type) || !OPTIONAL.has(type));
    const isAsExpected =
      events.length === expected.length && expected.every((body, index) => hasFields(events[index], body));
    if (!isAsExpected) throw unlike(expected, events);
  }

  /** The request is refused for this reason. */
  thenRefused(reason: FailureReason): void {
    this.then({ type: 'allocation-failed', reason });
  }
}

/** What every request brings with it. */
const OPTIONAL: ReadonlySet<PoolEvent['type']> = new Set([
  'owner-registered',
  'allocation-requested',
  'free-requested',
]);

const hasFields = (event: PoolEvent, expected: ExpectedEvent): boolean =>
  Object.entries(expected).every(([name, value]) =>
    isEqual((event as unknown as ExpectedEvent)[name], value),
  );

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  const other = b as Readonly<Record<string, unknown>>;
  return left.length === right.length && left.every(([name, value]) => isEqual(value, other[name]));
}

function unlike(expected: readonly unknown[], actual: readonly unknown[]): Error {
  const lines = (values: readonly unknown[]) =>
    values.length === 0 ? '  nothing' : values.map((value) => `  ${JSON.stringify(value)}`).join('\n');
  return new Error(`expected:\n${lines(expected)}\nbut there is:\n${lines(actual)}`);
}

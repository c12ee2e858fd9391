import { GFP, InputError, type Pfn, pfn, type StateView } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import type { Policy, PolicyFactory, Recorder } from './policy.ts';
import { PolicyError } from './policy-error.ts';
import type { Pool } from './pool.ts';
import { policyNamed } from './registry.ts';
import { MIB, watched } from './testing.ts';

type Decide = (record: Recorder, view: StateView) => void;

const deciding =
  (allocate: Decide, free: Decide = () => {}): PolicyFactory =>
  () => ({
    name: 'mine',
    allocate: (_, view, record) => allocate(record, view),
    free: (_, view, record) => free(record, view),
  });

const claimOne = (record: Recorder): Pfn => {
  const page = record.claim(0);
  if (page === -1) throw new Error('no page');
  return page;
};

/** Serves one page. */
const serve = (record: Recorder) => {
  const page = claimOne(record);
  record.decrypt(page, 1);
  record.allocate(page, 1);
};

const alloc = (pool: Pool) => pool.alloc_pages(0, { owner: 'x' });

function errorOf(act: () => unknown): PolicyError {
  try {
    act();
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what a policy asks of the recorder', () => {
  const any = (value: unknown) => value as Pfn & never[];

  it.each<[string, (record: Recorder) => unknown]>([
    ['claim(11): orders run from 0 to 10', (record) => record.claim(11)],
    ['claim(0.5): orders run', (record) => record.claim(0.5)],
    ["claim(0, 'Sideways'): migratetypes are", (record) => record.claim(0, 'Sideways' as 'Movable')],
    ["claim(0, ..., 'hard'): efforts are", (record) => record.claim(0, 'Movable', 'hard' as 'reclaim')],
    ['allocate(-1, 1): runs are of whole pages', (record) => record.allocate(pfn(-1), 1)],
    ['allocate(0.5, 1): runs are', (record) => record.allocate(pfn(0.5), 1)],
    ['allocate(undefined, 1): runs are', (record) => record.allocate(any(undefined), 1)],
    ['allocate(512, 0): runs are', (record) => record.allocate(pfn(512), 0)],
    ['giveBack(512, NaN): runs are', (record) => record.giveBack(pfn(512), Number.NaN)],
    ['decrypt(16383, 2): runs are', (record) => record.decrypt(pfn(16383), 2)],
    ['encrypt(512, 1e+99): runs are', (record) => record.encrypt(pfn(512), 1e99)],
    ['free(512, 1.5): runs are', (record) => record.free(pfn(512), 1.5)],
    ['decryptArea(): an area is an array of runs', (record) => record.decryptArea([])],
    ['encryptArea(): an area is an array of runs', (record) => record.encryptArea(any('all'))],
    ["fail('tired'): reasons are out-of-memory", (record) => record.fail('tired' as 'too-large')],
    ['refilled(-3): pages are whole numbers', (record) => record.refilled(-3)],
  ])('is refused where it makes no sense: %s', (message, call) => {
    const { rule, message: told } = errorOf(() => alloc(watched(deciding(call)).pool));
    expect(told).toContain(`policy 'mine', request 1 (alloc_pages of 1 page for 'x'): ${message}`);
    expect(rule).toBe('arguments');
  });

  it('is told with the call, not with the event that never was', () => {
    const act = () => alloc(watched(deciding((record) => record.allocate(pfn(600), 1))).pool);
    expect(errorOf(act).message).toBe(
      "policy 'mine', request 1 (alloc_pages of 1 page for 'x'): allocate(600, 1): page 600 is not claimed",
    );
  });

  it('must lie where the request may lie', () => {
    const { pool } = watched(
      deciding((record) => record.allocate(pfn(20_000), 1)),
      {
        memory: freshBoot(128 * MIB, 2),
      },
    );
    const error = errorOf(() => pool.alloc_pages(0, { owner: 'x', node: 0 }));
    expect(error.message).toContain('allocate(20000, 1): the request may lie in pages 0 to 16384 only');
    expect(error.rule).toBe('reach');
  });

  it('is for no more pages than the request takes', () => {
    const twice = deciding((record) => {
      serve(record);
      serve(record);
    });
    expect(errorOf(() => alloc(watched(twice).pool))).toMatchObject({ rule: 'size' });
    const { pool } = watched(twice);
    expect(errorOf(() => pool.vmalloc(1, { owner: 'x' })).message).toContain('it got 2 pages, and takes 1');
  });

  it('gives back all of a run or nothing of it', () => {
    const { pool, events } = watched(
      deciding((record) => {
        const start = record.claim(2);
        if (start === -1) throw new Error('no pages');
        record.decrypt(pfn(start + 3), 1);
        record.giveBack(start, 4);
      }),
    );
    expect(errorOf(() => alloc(pool))).toMatchObject({ rule: 'give-back' });
    expect(events.some(({ type }) => type === 'pages-returned')).toBe(false);
  });
});

describe('a policy that meddles', () => {
  const sound = policyNamed('first-fit+block+immediate');
  const meddling = (meddle: (view: StateView, record: Recorder) => unknown): PolicyFactory => {
    return (view) => {
      const policy = sound(view);
      return {
        name: 'meddler',
        allocate: (request, at, record) => {
          meddle(at, record);
          policy.allocate(request, at, record);
        },
        free: (request, at, record) => policy.free(request, at, record),
      };
    };
  };
  const loose = (value: unknown) => value as Record<string, Record<string, unknown>>;
  const prototypeOf = (value: object) => Object.getPrototypeOf(value) as Record<string, unknown>;

  it.each<[string, (view: StateView, record: Recorder) => unknown]>([
    ['a call of the view', (view) => Object.assign(view, { counter: () => 0 })],
    ['a call of all views', (view) => Object.assign(prototypeOf(view), { is: () => true })],
    ['the geometry', (view) => Object.assign(view.geometry, { pagesPerBlock: 1 })],
    ['the platform', (view) => Object.assign(view.platform, { confidential: false })],
    ["the platform's calls", (view) => Object.assign(view.platform.hostCalls, { kind: 'none' })],
    ['a call of the recorder', (_, record) => Object.assign(record, { allocate: () => {} })],
    ['a call of all recorders', (_, record) => Object.assign(prototypeOf(record), { claim: () => 0 })],
    ['how much was served', (_, record) => Object.assign(record, { servedPages: 99 })],
  ])('cannot change %s', (_, meddle) => {
    const { pool } = watched(meddling(meddle), { platform: 'tdx' });
    expect(() => alloc(pool)).toThrow(TypeError);
    expect(() => alloc(watched(sound).pool)).not.toThrow();
  });

  it('finds nothing of the engine on its recorder', () => {
    let names: readonly string[] = [];
    const { pool } = watched(
      meddling((_, record) => {
        names = Object.getOwnPropertyNames(prototypeOf(record)).filter((name) => name !== 'constructor');
        expect(Object.keys(loose(record))).toEqual([]);
      }),
    );
    alloc(pool);
    const calls = ['allocate', 'claim', 'decrypt', 'decryptArea', 'encrypt', 'encryptArea', 'fail', 'free'];
    expect([...names].sort()).toEqual([
      ...calls,
      'giveBack',
      'mayConvert',
      'reach',
      'refilled',
      'time',
      'zones',
    ]);
  });
});

describe('a recorder that a policy keeps', () => {
  let kept: Recorder;
  const keeping =
    (parts: Partial<Policy>): PolicyFactory =>
    (view) => {
      const sound = policyNamed('gfp-decrypted')(view);
      return {
        name: 'keeper',
        allocate: (request, at, record) => {
          kept = record;
          sound.allocate(request, at, record);
        },
        free: (request, at, record) => sound.free(request, at, record),
        ...parts,
      };
    };

  it.each<[string, () => unknown]>([
    ['claim', () => kept.claim(0)],
    ['allocate', () => kept.allocate(pfn(600), 1)],
    ['free', () => kept.free(pfn(600), 1)],
    ['fail', () => kept.fail('out-of-memory')],
    ['giveBack', () => kept.giveBack(pfn(600), 1)],
    ['decrypt', () => kept.decrypt(pfn(600), 1)],
    ['encryptArea', () => kept.encryptArea([{ pfn: pfn(600), pages: 1 }])],
    ['refilled', () => kept.refilled(1)],
    ['mayConvert', () => kept.mayConvert],
    ['reach', () => kept.reach],
  ])('is of no use between requests: %s', (_, use) => {
    const { pool } = watched(keeping({}));
    alloc(pool);
    const before = pool.hash();
    expect(errorOf(use)).toMatchObject({
      rule: 'in-time',
      message: 'the recorder was used while nothing was to be decided',
    });
    expect(pool.hash()).toBe(before);
  });

  it('is of no use where a policy is only asked something', () => {
    let answers = 0;
    const { pool } = watched(keeping({ hasWork: () => answers++ > 0 && kept.claim(0) === -1 }));
    const error = errorOf(() => alloc(pool));
    expect(error.message).toBe(
      "policy 'keeper', hasWork() at request 1: the recorder was used while nothing was to be decided",
    );
  });

  it('keeps to the context of the request that is decided, whichever it was got for', () => {
    const first: Recorder[] = [];
    const { pool } = watched(
      deciding((record) => {
        first.push(record);
        const page = claimOne(first[0]);
        first[0].decrypt(page, 1);
        first[0].allocate(page, 1);
      }),
    );
    alloc(pool);
    expect(errorOf(() => pool.alloc_pages(0, { owner: 'x', gfp: GFP.GFP_ATOMIC }))).toMatchObject({
      rule: 'may-sleep',
    });
  });
});

it('what a policy does wrong is a mistake in what the user gave, and no request is taken after it', () => {
  const { pool } = watched(deciding((record) => record.allocate(pfn(600), 1)));
  const error = errorOf(() => alloc(pool));
  expect(error).toBeInstanceOf(InputError);
  expect(errorOf(() => alloc(pool))).toBe(error);
});

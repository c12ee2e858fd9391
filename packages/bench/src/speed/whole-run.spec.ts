import { GFP } from '@decpool/model';
import { fragmented } from '@decpool/pool';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { churn } from '../workloads/churn.ts';
import { compiler, WholeRunProgram } from './c-program.ts';
import { expectSame, type ReferenceRun, referenceRun } from './reference.ts';
import { packed, speedMemory } from './requests.ts';

const REQUESTS = 10_000;
const WORDS_PER_CLAIM = 4;
/** In a request. */
const ATTRIBUTES = 4;
const cc = compiler();

describe.skipIf(cc === undefined)('whole-run.c (skipped where there is no gcc)', () => {
  let program: WholeRunProgram;
  /** It splits a 1G page, and refuses no request. */
  let reference: ReferenceRun;
  /** In fragmented memory of two zones, and for more pages than it has: small chunks are claimed, requests are refused, and their frees skipped. */
  let scarce: ReferenceRun;
  beforeAll(async () => {
    program = new WholeRunProgram(cc!);
    const large = churn.generate({ requests: REQUESTS, livePages: 2 ** 14, seed: 5 });
    reference = await referenceRun(packed(large), { memory: speedMemory(2) });
    const small = churn.generate({ requests: REQUESTS, livePages: 2 ** 14, seed: 6 });
    scarce = await referenceRun(packed(small), { memory: fragmented(2 ** 26, 0.5, 1) });
  });
  afterAll(() => program?.remove());
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('compiles without a warning', () => {
    expect(program.warnings).toBe('');
  });

  it('comes to the rows, the state and the ten metrics of the TypeScript run', () => {
    program.write(reference.log, reference.guest);
    const inC = program.run();
    expect(inC).toMatchObject({
      requests: REQUESTS,
      events: reference.events,
      checksum: reference.checksum,
      state: reference.state,
      metrics: reference.metrics,
    });
    expect(Object.keys(inC.metrics).sort()).toEqual([...KEY_METRICS].sort());
    expect(reference.guest.claims.length).toBeGreaterThan(20 * WORDS_PER_CLAIM);
  });

  it('does so when the memory is fragmented and runs out', () => {
    program.write(scarce.log, scarce.guest);
    expectSame(program.run(), scarce);
    expect(scarce.guest.zones).toHaveLength(2);
    for (const id of ['failures', 'splits-2m', 'mixed-peak'] as const) {
      expect(reference.metrics[id], id).toBe(0);
      expect(scarce.metrics[id], id).toBeGreaterThan(10);
    }
  });

  it('folds its rows into the same state again', () => {
    program.write(scarce.log, scarce.guest);
    expectSame(program.fold(), scarce);
  });

  it('does nothing undefined', () => {
    // What it allocates it uses to the end.
    vi.stubEnv('ASAN_OPTIONS', 'detect_leaks=0');
    const checked = new WholeRunProgram(cc!, [
      '-O0',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=all',
    ]);
    try {
      for (const run of [reference, scarce]) {
        checked.write(run.log, run.guest);
        expectSame(checked.run(), run);
        expectSame(checked.fold(), run);
      }
    } finally {
      checked.remove();
    }
  });

  it.each([
    ['a chunk that is claimed already', () => reference.guest.claims[2], 'a page is already claimed'],
    ['a chunk behind the end of the memory', () => 2 ** 20, 'its pages are not inside the memory'],
  ])('refuses %s', (_, pfn, message) => {
    const claims = [...reference.guest.claims];
    claims[claims.length - 2] = pfn();
    program.write(reference.log, { ...reference.guest, claims });
    expect(() => program.run()).toThrow(message);
  });

  it.each(['GFP_ATOMIC', '__GFP_DMA32'] as const)('refuses a request with %s', (flag) => {
    const words = reference.log.words.slice();
    words[ATTRIBUTES] = GFP[flag];
    program.write({ ...reference.log, words }, reference.guest);
    expect(() => program.run()).toThrow(`request 1: attributes ${GFP[flag]}`);
  });

  it('is told apart from a run that came to something else', () => {
    program.write(reference.log, reference.guest);
    const inC = program.run();
    const other = { ...reference, metrics: { ...reference.metrics, 'mixed-peak': -1 } };
    expect(() => expectSame(inC, other)).toThrow('mixed-peak of the whole run: 0 in C, -1 in TypeScript');
    expect(() => expectSame(inC, { ...reference, checksum: '00000000' })).toThrow(
      'checksum of the whole run',
    );
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import type { PoolEvent } from '@decpool/model';
import {
  COUNTER_NAMES,
  type ColumnName,
  encodeEventLines,
  encodeMarkLine,
  headerText,
  PLAIN_PAGE_SOURCE,
} from '@decpool/model/internal';
import { aged, type PolicyFactory, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../log/chain.ts';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { inflated } from '../log/open.ts';
import { readLog } from '../log/read.ts';
import { openLogWriter } from '../log/write.ts';
import { importTrace } from '../traces/import.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { mixedDay } from '../workloads/mixed-day.ts';
import { netvsc } from '../workloads/netvsc.ts';
import { nvmeAtomic } from '../workloads/nvme-atomic.ts';
import { policyOf } from './rerun.ts';
import { eventsOf, forge, type Scenario, writeRun } from './testing.ts';
import { type Check, verifyLog } from './verify.ts';

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const small = netvsc.generate({ nics: 1, channels: 2, cycles: 1, storvscControllers: 1, nvmes: 1 }).requests;

/** Page events of a kernel: some are requests for shared memory, the others happen in the background. */
async function pageEvents(): Promise<Scenario['requests']> {
  const event = (seconds: number, name: string, pfn: number, order: number) =>
    `kworker/0:1-25  [000] .....  ${seconds.toFixed(6)}: ${name}: page=0x${pfn.toString(16)} pfn=0x${pfn.toString(16)} order=${order}${name.endsWith('alloc') ? ' migratetype=0 gfp_flags=GFP_KERNEL' : ''}\n`;
  const lines = Array.from({ length: 200 }, (_, index) => [
    event(1 + index / 100, 'mm_page_alloc', 4096 + 64 * index, index % 4),
    index % 3 === 0 ? event(1.005 + index / 100, 'mm_page_free', 4096 + 64 * index, index % 4) : '',
  ]).flat();
  const path = join(folder, 'pages.txt');
  writeFileSync(path, lines.join(''));
  const { workload } = await importTrace(path, { shared: parseSharedExpression('order>=2') });
  return workload.requests;
}

const SCENARIOS: readonly (readonly [string, () => Promise<Scenario> | Scenario])[] = [
  ['netvsc under linux-6.12', () => ({ requests: small, policy: 'linux-6.12' })],
  ['netvsc under swiotlb', () => ({ requests: small, policy: 'swiotlb:dynamic' })],
  [
    'nvme-atomic with faults under a watermark',
    () => ({
      requests: nvmeAtomic.generate().requests.slice(0, 1500),
      policy: 'first-fit+page+reserve:64:512+immediate',
      faults: { decrypt: 0.2, encrypt: 0.2, converted: 0.5, retries: 1, seed: 4 },
    }),
  ],
  [
    'mixed-day with per-CPU lists, compaction and bounce buffers that grow under best fit',
    () => ({
      requests: mixedDay.generate().requests.slice(0, 2000),
      policy: 'best-fit+block+hysteresis:0.001',
      memory: aged(512 * 2 ** 20, 3),
      pageSource: { ...PLAIN_PAGE_SOURCE, kernel: '7.x', perCpuLists: true, compaction: true },
      isSwiotlbDynamic: true,
    }),
  ],
  [
    'page events with others in the background under adaptive conversion',
    async () => ({ requests: await pageEvents(), policy: 'fullest-first+adaptive:50+demand:0.01' }),
  ],
];

const verdicts = (checks: readonly Check[]) => checks.map(({ name, verdict }) => [name, verdict]);
const wrongOf = (checks: readonly Check[]) => checks.filter(({ verdict }) => verdict === 'wrong');
const verified = (path: string, every = 0) => verifyLog(path, { every, policy: policyOf });

/** The log with small segments and keyframes between them. */
async function inSmallSegments(path: string, out: string, format: LogFormat): Promise<void> {
  const log = readLog(path);
  const { value: first } = await log.next();
  if (first?.kind !== 'header') throw new Error('no header');
  const writer = await openLogWriter(out, format, first.header, { keyframeEvents: 100 });
  for await (const part of log) {
    if (part.kind !== 'batch') continue;
    for (let from = 0; from < part.batch.length; from += 100) {
      await writer.write(part.batch.slice(from, Math.min(part.batch.length, from + 100)));
    }
  }
  await writer.finish();
}

describe.each(FORMATS)('a log as %s', (format) => {
  it.each(SCENARIOS)('of %s is right in all that is looked at', async (name, scenario) => {
    const path = join(folder, `${name}-run${LOG_FORMATS[format]}`);
    await writeRun(path, format, await scenario());
    const resegmented = join(folder, `${name}${LOG_FORMATS[format]}`);
    await inSmallSegments(path, resegmented, format);
    expect(verdicts(await verified(resegmented, 500))).toEqual([
      ['structure', 'ok'],
      ['hash chain', 'ok'],
      ['fold', 'ok'],
      ['keyframes', 'ok'],
      ['invariants', 'ok'],
      ['re-run', 'ok'],
    ]);
    expect(wrongOf(await verified(path))).toEqual([]);
  });
});

describe('a log of schema version 1', () => {
  it.each(['v1-kernel.arrow.gz', 'v1-pool.ndjson.gz', 'v1-realm.ndjson.gz'])(
    '%s is right but for the hashes that it has none of, and the rules of its time are not run again',
    async (name) => {
      const path = fileURLToPath(new URL(`../log/fixtures/${name}`, import.meta.url));
      expect(verdicts(await verified(path))).toEqual([
        ['structure', 'ok'],
        ['hash chain', 'skipped'],
        ['fold', 'ok'],
        ['keyframes', 'skipped'],
        ['invariants', 'ok'],
        ['re-run', 'skipped'],
      ]);
    },
  );
});

/** Events that tell of requests: to change one is to ask for something else. */
const ASKED = /-requested$|^user-|^background-|^request-skipped$|^owner-registered$/;
const STORED = ['time', 'request', 'owner', 'allocation', 'pfn', 'pages', 'bytes'] as const;

/** Numbers of an event that stand in its log under their column's name. */
const numbersOf = (event: PoolEvent): readonly ColumnName[] =>
  STORED.filter((name) => typeof Object.entries(event).find(([field]) => field === name)?.[1] === 'number');

describe.each(FORMATS)('one number of one event that is changed in a log as %s', (format) => {
  let path = '';
  let events: readonly PoolEvent[] = [];
  beforeAll(async () => {
    const run = join(folder, `forged-run${LOG_FORMATS[format]}`);
    path = join(folder, `to-forge${LOG_FORMATS[format]}`);
    await writeRun(run, format, {
      requests: nvmeAtomic.generate().requests.slice(0, 700),
      policy: 'first-fit+page+reserve:64:512+immediate',
      faults: { decrypt: 0.1, encrypt: 0.1, converted: 0, retries: 1, seed: 2 },
    });
    await inSmallSegments(run, path, format);
    events = await eventsOf(path);
  });

  it('is found, at exactly that event', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (at, which, bit) => {
        const seq = at % events.length;
        const columns: readonly ColumnName[] =
          format === 'arrow' ? ['code', ...STORED] : numbersOf(events[seq]);
        const column = columns[which % columns.length];
        const out = join(folder, `altered${LOG_FORMATS[format]}`);
        await forge(path, out, format, { seq, column, change: (value) => flipped(value, bit) }, false);
        const [first] = wrongOf(await verifyLog(out, { every: 0 }));
        expect(first?.text, `${column} of event ${seq}`).toMatch(new RegExp(`\\bevent ${seq}\\b`));
      }),
      { numRuns: 30 },
    );
  });

  it('is found when the log was sealed again, as the first event that the requests do not give again', async () => {
    const decided = events.filter(({ type }) => !ASKED.test(type));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (at, which, bit) => {
        const event = decided[at % decided.length];
        const columns = numbersOf(event);
        const column = columns[which % columns.length];
        const out = join(folder, `sealed-again${LOG_FORMATS[format]}`);
        const { seq } = event;
        await forge(path, out, format, { seq, column, change: (value) => flipped(value, bit) }, true);
        const checks = await verified(out);
        expect(checks[1]).toMatchObject({ name: 'hash chain', verdict: 'ok' });
        const rerun = checks.at(-1);
        expect(rerun, `${column} of event ${seq}`).toMatchObject({
          name: 're-run',
          verdict: 'wrong',
          text: `event ${seq} differs: policy 'first-fit+page+reserve:64:512+immediate' decides differently than in the log`,
        });
        expect(rerun?.divergence).toMatchObject({ seq, right: event });
        expect(rerun?.divergence?.before).toEqual(events.slice(Math.max(0, seq - 10), seq));
      }),
      { numRuns: 15 },
    );
  });

  it('is found in what was asked for as well, when the log was sealed again: its header names the requests', async () => {
    const asked = events.filter((event) => ASKED.test(event.type) && numbersOf(event).length > 0);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (at, which, bit) => {
        const event = asked[at % asked.length];
        const columns = numbersOf(event);
        const column = columns[which % columns.length];
        const out = join(folder, `asked-otherwise${LOG_FORMATS[format]}`);
        const change = (value: number) => flipped(value, bit);
        await forge(path, out, format, { seq: event.seq, column, change }, true);
        const checks = await verified(out);
        expect(checks.at(-1), `${column} of event ${event.seq}`).toMatchObject({ verdict: 'wrong' });
      }),
      { numRuns: 15 },
    );
  });
});

describe('the requests of a log under a policy that was edited since', () => {
  /** A policy of one's own, which refuses from some allocation on when it is told to. */
  const own =
    (refusesFrom: number): PolicyFactory =>
    (view) => {
      const policy = policyNamed('first-fit+page+immediate')(view);
      return {
        name: 'own',
        allocate: (request, at, record) => {
          if (request.allocation < refusesFrom) policy.allocate(request, at, record);
          else record.fail('out-of-memory');
        },
        free: (request, at, record) => policy.free(request, at, record),
      };
    };

  it('part from it at the first thing that is decided otherwise, told with up to ten events before', async () => {
    const path = join(folder, 'own.ndjson');
    await writeRun(path, 'ndjson', { requests: small, policy: 'own', factory: own(2 ** 32) });
    expect(wrongOf(await verifyLog(path, { every: 0, policy: () => own(2 ** 32) }))).toEqual([]);
    const events = await eventsOf(path);
    for (const allocation of [1, 12]) {
      const asked = events.findIndex(
        (event) => event.type === 'allocation-requested' && event.allocation === allocation,
      );
      const [wrong, ...others] = wrongOf(await verifyLog(path, { every: 0, policy: () => own(allocation) }));
      expect(others).toEqual([]);
      expect(wrong.divergence).toMatchObject({
        seq: asked + 1,
        left: events[asked + 1],
        right: { type: 'allocation-failed', allocation, reason: 'out-of-memory' },
        before: events.slice(Math.max(0, asked - 9), asked + 1),
      });
    }
  });

  it('are not made again without the policy, and its file is asked for', async () => {
    const checks = verified(join(folder, 'own.ndjson'));
    await expect(checks).rejects.toThrow(/policy 'own' of the log: unknown policy 'own'.* --own/);
  });

  it('are not made again if the name of the policy was altered: the damage is reported', async () => {
    const path = join(folder, 'renamed.ndjson');
    const text = readFileSync(join(folder, 'own.ndjson'), 'utf8');
    writeFileSync(path, text.replace('"policy":"own"', '"policy":"owm"'));
    const checks = await verified(path);
    expect(wrongOf(checks).map(({ name, text: found }) => `${name}: ${found}`)).toEqual([
      expect.stringMatching(/^hash chain: the header or the checkpoint after event \d+ was altered/),
    ]);
    expect(checks.at(-1)).toMatchObject({ name: 're-run', verdict: 'skipped' });
    expect(checks.at(-1)?.text).toContain("unknown policy 'owm'");
  });
});

/** Of a double as of a word. */
const flipped = (value: number, bit: number): number =>
  ((value % 256) ^ (1 << bit)) + (value - (value % 256));

it('a keyframe of schema version 2, which names no number of counters, is compared like one of today', async () => {
  const [whole, path] = [join(folder, 'whole.ndjson'), join(folder, 'today.ndjson')];
  await writeRun(whole, 'ndjson', { requests: small, policy: 'linux-6.12' });
  await inSmallSegments(whole, path, 'ndjson');
  const lines: string[] = [];
  let chain: Chain | undefined;
  let keyframes = 0;
  for await (const part of readLog(path)) {
    if (part.kind === 'header') {
      lines.push(headerText(part.header, 2));
      chain = new Chain({ header: part.header, version: 2 });
    } else if (part.kind === 'batch' && chain !== undefined) {
      lines.push(Buffer.from(encodeEventLines(part.batch)).toString().trimEnd());
      lines.push(encodeMarkLine('checkpoint', chain.append(part.batch)).trimEnd());
    } else if (part.kind === 'keyframe' && chain !== undefined) {
      keyframes++;
      const today = inflated(part.keyframe.state);
      const [counters, rest] = [today.subarray(4, 4 + 47 * 8), today.subarray(4 + COUNTER_NAMES.length * 8)];
      const state = deflateRawSync(Buffer.concat([counters, rest])).toString('base64');
      const keyframe = { ...part.keyframe, state };
      lines.push(encodeMarkLine('keyframe', { ...keyframe, hash: chain.keyframeHash(keyframe) }).trimEnd());
    } else if (part.kind === 'seal' && chain !== undefined) {
      lines.push(encodeMarkLine('seal', { ...part.seal, chain: chain.value }).trimEnd());
    }
  }
  const old = join(folder, 'version-2.ndjson');
  writeFileSync(old, `${lines.join('\n')}\n`);
  expect(keyframes).toBeGreaterThan(0);
  expect(wrongOf(await verified(old))).toEqual([]);
});

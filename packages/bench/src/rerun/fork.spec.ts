import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocationId, InputError, nanoseconds, type PoolEvent, type Request } from '@decpool/model';
import { RequestsInLog } from '@decpool/model/internal';
import { type PolicyFactory, policyNamed } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenLog, openLog } from '../log/open.ts';
import { netvsc } from '../workloads/netvsc.ts';
import { nvmeAtomic } from '../workloads/nvme-atomic.ts';
import { type Forked, type ForkOptions, forkHeader, forkLog, type SkipOptions, skipRequest } from './fork.ts';
import { policyOf } from './rerun.ts';
import { called, eventsOf, type Scenario, writeRun } from './testing.ts';
import { verifyLog } from './verify.ts';

let folder = '';
const scratch = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const named = (name: string) => ({ name, factory: policyNamed(name) });

async function opened<Value>(path: string, use: (log: OpenLog) => Promise<Value>): Promise<Value> {
  const log = await openLog(path);
  return use(log).finally(() => log.close());
}
async function fork(from: string, out: string, options: Omit<ForkOptions, 'out'>): Promise<Forked> {
  rmSync(scratch(out), { force: true });
  return opened(scratch(from), (log) =>
    forkLog(log, { ...options, out: { path: scratch(out), format: 'ndjson' } }),
  );
}
async function skip(from: string, out: string, options: Omit<SkipOptions, 'out'>) {
  rmSync(scratch(out), { force: true });
  return opened(scratch(from), (log) =>
    skipRequest(log, { ...options, out: { path: scratch(out), format: 'ndjson' } }),
  );
}

async function requestsIn(name: string): Promise<Request[]> {
  const requests = new RequestsInLog();
  return opened(scratch(name), async (log) => {
    const all: Request[] = [];
    for await (const batch of log.batches()) for (const { request } of requests.in(batch)) all.push(request);
    return all;
  });
}
const headerOf = (name: string) => opened(scratch(name), async ({ header }) => header);

async function expectVerified(name: string): Promise<void> {
  const checks = await verifyLog(scratch(name), { every: 0, policy: policyOf });
  expect(checks.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
}

/** Few requests that use much: rings and objects, some for callers that may not sleep, in a guest that holds not all of them. */
const SMALL: Scenario = {
  requests: [
    ...netvsc
      .generate({ nics: 1, channels: 2, cycles: 1, storvscControllers: 1, nvmes: 1 })
      .requests.slice(0, 60),
  ],
  policy: 'linux-6.12',
};

describe('a fork', () => {
  let events: readonly PoolEvent[] = [];
  let requests: readonly Request[] = [];
  beforeAll(async () => {
    await writeRun(scratch('small.ndjson'), 'ndjson', SMALL);
    events = await eventsOf(scratch('small.ndjson'));
    requests = await requestsIn('small.ndjson');
    expect(requests).toEqual(SMALL.requests);
  });

  /** What a fork at this event must say that it kept. */
  const keptAt = (all: readonly PoolEvent[], event: number) => ({
    keptEvents: all.findIndex(({ request }) => request === all[event].request),
    keptRequests: Math.max(0, all[event].request - 1),
    dropped: 0,
  });

  it('at any event keeps the history before its request, and serves all requests', async () => {
    const asked = nvmeAtomic.generate().requests.slice(0, 130);
    await writeRun(scratch('tiny.ndjson'), 'ndjson', { requests: asked, policy: 'linux-6.12' });
    const all = await eventsOf(scratch('tiny.ndjson'));
    for (let event = 0; event < all.length; event += 10) {
      const policy = named('best-fit+block+immediate');
      const served = await fork('tiny.ndjson', 'fork.ndjson', { event, policy });
      expect(served).toMatchObject(keptAt(all, event));
      const { keptEvents, keptRequests } = served;
      const forked = await eventsOf(scratch('fork.ndjson'));
      expect(forked.slice(0, keptEvents)).toEqual(all.slice(0, keptEvents));
      expect(await requestsIn('fork.ndjson')).toEqual(asked);
      const header = await headerOf('fork.ndjson');
      expect(header.policy).toBe('best-fit+block+immediate');
      expect(header.handovers).toEqual(
        keptRequests === 0 ? undefined : [{ policy: 'linux-6.12', request: keptRequests }],
      );
      await expectVerified('fork.ndjson');
    }
  });

  it('in the middle of a request of thousands of events goes back to where it begins', async () => {
    const start = events.findIndex(({ request }, at) => at > 0 && events[at + 1100]?.request === request);
    expect(start).toBeGreaterThan(0);
    const { request } = events[start];
    for (const event of [start + 1023, start + 1024, start + 1025, start + 1100]) {
      const served = await fork('small.ndjson', 'long.ndjson', { event, policy: named('gfp-decrypted') });
      expect(served).toMatchObject({ ...keptAt(events, event), keptRequests: request - 1 });
    }
  });

  it('at the first event is a run under the new policy', async () => {
    await fork('small.ndjson', 'first.ndjson', { event: 0, policy: named('first-fit+page+immediate') });
    await writeRun(scratch('plain.ndjson'), 'ndjson', { ...SMALL, policy: 'first-fit+page+immediate' });
    expect(await eventsOf(scratch('first.ndjson'))).toEqual(await eventsOf(scratch('plain.ndjson')));
    expect(await headerOf('first.ndjson')).toEqual(await headerOf('plain.ndjson'));
  });

  it('is refused, and not written, where the policies that are here did not make the history', async () => {
    const own = new Map([['linux-6.12', policyNamed('first-fit+block+immediate')]]);
    const wrong = fork('small.ndjson', 'wrong.ndjson', { event: 300, policy: named('genpool'), own });
    await expect(wrong).rejects.toThrow(/small\.ndjson: event \d+ differs when the requests are run again/);
    expect(readdirSync(folder).filter((name) => name.startsWith('wrong'))).toEqual([]);
  });

  it('is refused, and not written, under a policy that fails in the middle', async () => {
    let served = 0;
    const failing: PolicyFactory = (view) => {
      const sound = policyNamed('gfp-decrypted')(view);
      return {
        name: 'failing',
        allocate(...request) {
          if (++served === 5) throw new InputError('failing.ts: it has a mistake');
          sound.allocate(...request);
        },
        free: (...request) => sound.free(...request),
      };
    };
    const policy = { name: 'failing', factory: failing };
    await expect(fork('small.ndjson', 'failed.ndjson', { event: 300, policy })).rejects.toThrow(
      'failing.ts: it has a mistake',
    );
    expect(served).toBe(5);
    expect(readdirSync(folder).filter((name) => name.startsWith('failed'))).toEqual([]);
  });

  it('of a log that was cut off is one that is cut off', async () => {
    const lines = readFileSync(scratch('small.ndjson'), 'utf8').split('\n');
    writeFileSync(scratch('cut.ndjson'), lines.slice(0, -2).join('\n'));
    await fork('cut.ndjson', 'saved.ndjson', { event: 300, policy: named('gfp-decrypted') });
    expect(await opened(scratch('saved.ndjson'), async ({ seal }) => seal?.isCutOff)).toBe(true);
    await expectVerified('saved.ndjson');
  });

  it('at the last event serves the last request anew, and no other', async () => {
    const last = events.length - 1;
    const served = await fork('small.ndjson', 'last.ndjson', { event: last, policy: named('gfp-decrypted') });
    expect(served.keptRequests).toBe(events[last].request - 1);
    const forked = await eventsOf(scratch('last.ndjson'));
    expect(forked.slice(0, served.keptEvents)).toEqual(events.slice(0, served.keptEvents));
    await expectVerified('last.ndjson');
  });

  it('under the policy that it was is the log as it was', async () => {
    await fork('small.ndjson', 'boot.ndjson', { event: 0, policy: named('linux-6.12') });
    expect(await eventsOf(scratch('boot.ndjson'))).toEqual(events);
  });

  it('of a fork keeps both histories, and one at an earlier event leaves the later one out', async () => {
    const [second, third] = ['best-fit+block+immediate', 'first-fit+page+never-return'];
    const early = Math.floor(events.length / 3);
    await fork('small.ndjson', 'once.ndjson', { event: early, policy: named(second) });
    const once = await eventsOf(scratch('once.ndjson'));
    const late = Math.floor((once.length * 2) / 3);
    const { keptEvents, keptRequests } = await fork('once.ndjson', 'twice.ndjson', {
      event: late,
      policy: named(third),
    });
    expect((await eventsOf(scratch('twice.ndjson'))).slice(0, keptEvents)).toEqual(once.slice(0, keptEvents));
    expect((await headerOf('twice.ndjson')).handovers).toEqual([
      { policy: 'linux-6.12', request: events[early].request - 1 },
      { policy: second, request: keptRequests },
    ]);
    await expectVerified('twice.ndjson');

    const before = 10;
    await fork('twice.ndjson', 'earlier.ndjson', { event: before, policy: named(third) });
    await fork('small.ndjson', 'directly.ndjson', { event: before, policy: named(third) });
    expect(await eventsOf(scratch('earlier.ndjson'))).toEqual(await eventsOf(scratch('directly.ndjson')));
    expect(await headerOf('earlier.ndjson')).toEqual(await headerOf('directly.ndjson'));
  });

  it('frees what was refused before and is served now, and the other way round', async () => {
    const atomic = nvmeAtomic.generate().requests.slice(0, 900);
    await writeRun(scratch('refusing.ndjson'), 'ndjson', {
      requests: atomic,
      policy: 'first-fit+page+reserve:1:1+immediate',
    });
    const refusing = await eventsOf(scratch('refusing.ndjson'));
    const refused = new Set(
      refusing.flatMap((event) => (event.type === 'allocation-failed' ? [event.allocation] : [])),
    );
    const skipped = refusing.filter(({ type }) => type === 'request-skipped');
    expect(refused.size).toBeGreaterThan(0);
    expect(skipped.length).toBeGreaterThan(0);

    const event = refusing.findIndex(({ type }) => type === 'allocation-failed');
    const policy = named('first-fit+page+reserve:600:1200+immediate');
    expect((await fork('refusing.ndjson', 'serving.ndjson', { event, policy })).dropped).toBe(0);
    const serving = await eventsOf(scratch('serving.ndjson'));
    const freed = new Set(
      serving.flatMap((each) => (each.type === 'free-requested' ? [each.allocation] : [])),
    );
    const servedNow = [...refused].filter((allocation) => freed.has(allocation));
    expect(servedNow.length).toBeGreaterThan(0);
    expect(await requestsIn('serving.ndjson')).toEqual(atomic);
    await expectVerified('serving.ndjson');

    await fork('serving.ndjson', 'refusing-again.ndjson', {
      event: 0,
      policy: named('first-fit+page+reserve:1:1+immediate'),
    });
    expect(await eventsOf(scratch('refusing-again.ndjson'))).toEqual(refusing);
  });

  it('in which a request is none is told so, and its header names those that are left', async () => {
    const at = { time: nanoseconds(0) };
    const allocation = allocationId(1);
    const half: Request[] = [
      { kind: 'allocate', ...at, allocation, api: 'dma_alloc_coherent', pages: 1, bytes: 1000, owner: 'a' },
      { kind: 'map-user', ...at, allocation },
      { kind: 'unmap-user', ...at, allocation },
      { kind: 'free', ...at, allocation },
    ];
    await writeRun(scratch('mapped.ndjson'), 'ndjson', { requests: half, policy: 'linux-6.12' });
    const policy = named('best-fit+block+immediate');
    const served = await fork('mapped.ndjson', 'unmapped.ndjson', { event: 0, policy });
    expect(served.dropped).toBe(2);
    expect(served.firstDropped).toContain(`in ${scratch('mapped.ndjson')}: `);
    expect(await requestsIn('unmapped.ndjson')).toEqual([half[0], half[3]]);
    await expectVerified('unmapped.ndjson');
  });

  it('has a header that says who decided what', async () => {
    const header = await headerOf('small.ndjson');
    const twice = forkHeader(forkHeader(header, 'b', 10), 'c', 20);
    expect(twice).toMatchObject({
      policy: 'c',
      handovers: [
        { policy: 'linux-6.12', request: 10 },
        { policy: 'b', request: 20 },
      ],
    });
    expect(forkHeader(twice, 'd', 15).handovers).toEqual([
      { policy: 'linux-6.12', request: 10 },
      { policy: 'b', request: 15 },
    ]);
    expect(forkHeader(twice, 'd', 0).handovers).toBeUndefined();
  });

  it('is refused outside of the log, under a policy that cannot take over, and of a policy that nobody knows', async () => {
    const policy = named('gfp-decrypted');
    const refused = (options: Omit<ForkOptions, 'out'>) => fork('small.ndjson', 'refused.ndjson', options);
    const range = `expected one of its events, 0 to ${events.length - 1}`;
    await expect(refused({ event: events.length, policy })).rejects.toThrow(range);
    await expect(refused({ event: -1, policy })).rejects.toThrow(InputError);
    await expect(refused({ event: events.length - 1, policy: named('swiotlb') })).rejects.toThrow(
      "cannot take over from 'linux-6.12'",
    );
    const factory = called('mine', policyNamed('gfp-decrypted'));
    await writeRun(scratch('own.ndjson'), 'ndjson', { ...SMALL, policy: 'mine', factory });
    const event = (await eventsOf(scratch('own.ndjson'))).length - 1;
    await expect(fork('own.ndjson', 'refused.ndjson', { event, policy })).rejects.toThrow(
      /policy 'mine' of the log: unknown policy 'mine'.* --own/,
    );
    await fork('own.ndjson', 'known.ndjson', { event, policy, own: new Map([['mine', factory]]) });
    expect(readdirSync(folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  });
});

describe('a log without one of its requests', () => {
  /** The requests of the run without that one and all that is asked of what it allocates; later allocations move up. */
  function without(requests: readonly Request[], left: number): Request[] {
    const out = requests[left];
    const id = out.kind === 'allocate' ? out.allocation : Number.POSITIVE_INFINITY;
    return requests.flatMap((request, index): Request[] => {
      if (index === left) return [];
      if (!('allocation' in request) || request.allocation < id) return [request];
      if (request.allocation === id) return [];
      return [{ ...request, allocation: allocationId(request.allocation - 1) }];
    });
  }

  it('is that of a run without it, whichever it is', async () => {
    await writeRun(scratch('all.ndjson'), 'ndjson', { ...SMALL, policy: 'best-fit+block+immediate' });
    const events = await eventsOf(scratch('all.ndjson'));
    for (const [index, request] of SMALL.requests.entries()) {
      if (index % 5 !== 0) continue;
      const number = index + 1;
      const event = events.findLastIndex((each) => each.request === number);
      const served = await skip('all.ndjson', 'skipped.ndjson', { event });
      expect(served.skipped).toMatchObject({ request, number });
      await writeRun(scratch('less.ndjson'), 'ndjson', {
        requests: without(SMALL.requests, index),
        policy: 'best-fit+block+immediate',
      });
      expect(await eventsOf(scratch('skipped.ndjson'))).toEqual(await eventsOf(scratch('less.ndjson')));
      const [header, expected] = [await headerOf('skipped.ndjson'), await headerOf('less.ndjson')];
      expect(header.workload.requests).toBe(expected.workload.requests);
      await expectVerified('skipped.ndjson');
    }
  });

  it('that is of a fork keeps who decided what', async () => {
    await writeRun(scratch('small.ndjson'), 'ndjson', SMALL);
    const { keptRequests } = await fork('small.ndjson', 'forked.ndjson', {
      event: 200,
      policy: named('best-fit+block+immediate'),
    });
    const events = await eventsOf(scratch('forked.ndjson'));
    for (const [request, last] of [
      [1, keptRequests - 1],
      [keptRequests, keptRequests - 1],
      [keptRequests + 1, keptRequests],
    ]) {
      const event = events.findIndex((each) => each.request === request);
      await skip('forked.ndjson', 'skipped.ndjson', { event });
      expect((await headerOf('skipped.ndjson')).handovers).toEqual([{ policy: 'linux-6.12', request: last }]);
      await expectVerified('skipped.ndjson');
    }
  });

  it('that is of a fork hands over before the same request, though more than one is left out before it', async () => {
    const at = (ms: number) => ({ time: nanoseconds(ms * 1e6) });
    const ring = (id: number, ms: number): Request => ({
      ...at(ms),
      ...{ kind: 'allocate', api: 'alloc_pages', pages: 4, bytes: 16384, owner: 'ring' },
      allocation: allocationId(id),
    });
    const asked: Request[] = [
      ...[ring(1, 1), { kind: 'free', ...at(2), allocation: allocationId(1) } as const],
      ...[2, 3, 4, 5, 6].map((id) => ring(id, id + 1)),
    ];
    await writeRun(scratch('rings.ndjson'), 'ndjson', { requests: asked, policy: 'gfp-decrypted' });
    const all = await eventsOf(scratch('rings.ndjson'));
    const event = all.findIndex(({ request }) => request === 5);
    await fork('rings.ndjson', 'two.ndjson', { event, policy: named('first-fit+block+immediate') });
    await skip('two.ndjson', 'less.ndjson', { event: 0 });
    expect((await headerOf('less.ndjson')).handovers).toEqual([{ policy: 'gfp-decrypted', request: 2 }]);
    const claims = (events: readonly PoolEvent[]) =>
      events.flatMap((each) => (each.type === 'pages-claimed' ? [each.pages] : []));
    expect(claims(await eventsOf(scratch('two.ndjson')))).toEqual([4, 4, 4, 512]);
    expect(claims(await eventsOf(scratch('less.ndjson')))).toEqual([4, 4, 512]);
    await expectVerified('less.ndjson');
  });

  it('leaves out one of two requests that are alike', async () => {
    const at = { time: nanoseconds(0), allocation: allocationId(1) };
    const again: Request[] = [
      { kind: 'allocate', ...at, api: 'alloc_pages', pages: 4, bytes: 16384, owner: 'a' },
      { kind: 'map-user', ...at },
      { kind: 'unmap-user', ...at },
      { kind: 'map-user', ...at },
      { kind: 'unmap-user', ...at },
      { kind: 'free', ...at },
    ];
    await writeRun(scratch('again.ndjson'), 'ndjson', { requests: again, policy: 'linux-6.12' });
    const events = await eventsOf(scratch('again.ndjson'));
    const event = events.findIndex(({ type }) => type === 'user-mapped');
    const { dropped } = await skip('again.ndjson', 'once.ndjson', { event });
    // Its mapping is not there to be taken away.
    expect(dropped).toBe(1);
    expect(await requestsIn('once.ndjson')).toEqual([again[0], ...again.slice(3)]);
    await expectVerified('once.ndjson');
  });

  it('is refused for an event of the boot, and outside of the log', async () => {
    const reserve: Scenario = { ...SMALL, policy: 'first-fit+page+reserve:64:512+immediate' };
    await writeRun(scratch('reserve.ndjson'), 'ndjson', reserve);
    await expect(skip('reserve.ndjson', 'none.ndjson', { event: 0 })).rejects.toThrow(
      `${scratch('reserve.ndjson')}: event 0: it happened at boot and belongs to no request`,
    );
    await expect(skip('reserve.ndjson', 'none.ndjson', { event: 2 ** 30 })).rejects.toThrow(
      `event ${2 ** 30}: expected one of its events, 0 to `,
    );
    expect(readdirSync(folder).filter((name) => name.startsWith('none'))).toEqual([]);
  });
});

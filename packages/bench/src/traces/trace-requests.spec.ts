import type { Request } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withFrees } from '../workloads/request-list.ts';
import { nameOf } from './testing.ts';
import { TraceRequests } from './trace-requests.ts';

const PAGE = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'dd' } as const;
const OTHERS = [0, 'Movable'] as const;

const steps = ({ requests }: TraceRequests) =>
  requests.map((request) => [request.kind, nameOf(request), request.time]);

it('keeps requests and background apart, also where the trace gives both one name', () => {
  const into = new TraceRequests();
  into.allocate(7, 0n, PAGE);
  into.backgroundAllocate(7, 1n, ...OTHERS);
  into.backgroundAllocate(7, 2n, ...OTHERS);
  into.allocate(7, 3n, PAGE);
  into.free(7, 4n);
  into.free(7, 5n);
  expect(steps(into)).toEqual([
    ['allocate', 1, 0],
    ['free', 1, 1],
    ['background-allocate', 1, 1],
    ['background-free', 1, 2],
    ['background-allocate', 2, 2],
    ['background-free', 2, 3],
    ['allocate', 2, 3],
    ['free', 2, 4],
  ]);
  expect(into.report()).toMatchObject({
    requests: 2,
    frees: 2,
    background: { allocations: 2, frees: 2, liveAtEnd: 0 },
    doubleAllocs: 3,
    freesWithoutAlloc: 1,
  });
});

describe('a free that no trace records', () => {
  it('comes between the requests around it, at its own time', () => {
    const into = new TraceRequests();
    into.allocate('a', 100n, PAGE);
    into.allocate('b', 105n, PAGE);
    into.assumeFree('b', 10);
    into.backgroundAllocate(1, 112n, ...OTHERS);
    into.assumeFree('a', 10);
    expect(steps(into)).toEqual([
      ['allocate', 1, 0],
      ['allocate', 2, 5],
      ['free', 1, 10],
      ['background-allocate', 1, 12],
      ['free', 2, 15],
    ]);
    expect(into.report()).toMatchObject({ requests: 2, frees: 2, assumedFrees: 2, liveAtEnd: 0 });
  });

  it('never comes before its allocation, though both have the same time', () => {
    const into = new TraceRequests();
    into.allocate('a', 100n, PAGE);
    into.allocate('b', 100n, PAGE);
    into.assumeFree('b', 0);
    into.assumeFree('a', 0);
    expect(steps(into)).toEqual([
      ['allocate', 1, 0],
      ['free', 1, 0],
      ['allocate', 2, 0],
      ['free', 2, 0],
    ]);
  });
});

it('does not let a time that is out of all bounds break the times after it', () => {
  const into = new TraceRequests();
  into.allocate(1, 5n, PAGE);
  into.allocate(2, 10n ** 20n, PAGE);
  into.allocate(3, 8n, PAGE);
  expect(steps(into).map(([, , time]) => time)).toEqual([0, 0, 3]);
  expect(into.notes).toEqual([expect.stringMatching(/^1 requests were moved /)]);
});

/** What a reader may call, in any order: few names, so that they meet again. */
const key = fc.constantFrom(1, 2, 'a', 'b');
const at = fc.nat(60);
const calls = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ call: fc.constantFrom('allocate', 'background'), key, at }) },
    {
      weight: 2,
      arbitrary: fc.record({ call: fc.constantFrom('free', 'missed', 'ofLine', 'assume'), key, at }),
    },
    fc.record({ call: fc.constant('group'), keys: fc.array(key, { minLength: 1, maxLength: 3 }), at }),
    fc.record({ call: fc.constant('cpu'), cpu: fc.nat(5) }),
    fc.record({ call: fc.constantFrom('failed', 'ignored', 'unparsed', 'read') }),
  ),
  { maxLength: 40 },
);

/** The same in plain lists: what is live is looked for among all that was allocated. */
function plainly(drawn: typeof calls extends fc.Arbitrary<infer Calls> ? Calls : never) {
  const requests: Request[] = [];
  const late: { time: number; allocation: number }[] = [];
  const live: { key: number | string; id: number; kind: string; time: number }[] = [];
  const ids = { allocate: 0, background: 0 };
  const counts = {
    ...{ linesRead: 0, requests: 0, frees: 0, failedAllocations: 0, freesWithoutAlloc: 0 },
    ...{ doubleAllocs: 0, groupedFrees: 0, lostEvents: 0 },
  };
  const background = { allocations: 0, frees: 0 };
  const unparsed: number[] = [];
  let [start, now, cpu, moved, ignored]: [number | undefined, number, number, number, number] = [
    ...([undefined, 0, 0, 0, 0] as const),
  ];
  const moveTo = (time: number) => {
    start ??= time;
    if (time - start < now) moved++;
    else now = time - start;
  };
  const onCpu = (where: number) => (where === 0 ? {} : { cpu: where });
  const free = (each: number | string, where: number) => {
    const found = live.findIndex((one) => one.key === each);
    if (found === -1) return false;
    const [{ id, kind }] = live.splice(found, 1);
    const isOwn = kind === 'allocate';
    requests.push(
      (isOwn
        ? { kind: 'free', time: now, allocation: id, ...onCpu(where) }
        : { kind: 'background-free', time: now, key: id, ...onCpu(where) }) as Request,
    );
    if (isOwn) counts.frees++;
    else background.frees++;
    return true;
  };
  const isLive = (each: number | string) => live.some((one) => one.key === each);
  const freeAt = (each: number | string, time: number) => {
    if (!isLive(each)) {
      counts.freesWithoutAlloc++;
      return;
    }
    moveTo(time);
    free(each, cpu);
  };
  const missed = (each: number | string, time: number) => {
    moveTo(time);
    if (free(each, 0)) counts.doubleAllocs++;
  };
  for (const step of drawn) {
    if ('cpu' in step) cpu = step.cpu;
    else if ('keys' in step) {
      for (const each of step.keys) freeAt(each, step.at);
      counts.groupedFrees += step.keys.length - 1;
    } else if (!('key' in step)) {
      if (step.call === 'failed') counts.failedAllocations++;
      else if (step.call === 'ignored') ignored += 2;
      else if (step.call === 'unparsed') unparsed.push(counts.linesRead);
      else counts.linesRead++;
    } else if (step.call === 'free') freeAt(step.key, step.at);
    else if (step.call === 'ofLine') {
      freeAt(step.key, step.at);
      counts.groupedFrees++;
    } else if (step.call === 'missed') missed(step.key, step.at);
    else if (step.call === 'assume') {
      const found = live.findIndex((one) => one.key === step.key && one.kind === 'allocate');
      if (found === -1) continue;
      const [{ id, time }] = live.splice(found, 1);
      late.push({ time: time + step.at, allocation: id });
      counts.frees++;
    } else {
      missed(step.key, step.at);
      const isOwn = step.call === 'allocate';
      const id = ++ids[isOwn ? 'allocate' : 'background'];
      requests.push(
        (isOwn
          ? { kind: 'allocate', time: now, allocation: id, ...PAGE, ...onCpu(cpu) }
          : {
              ...{ kind: 'background-allocate', time: now, key: id, order: 0, migratetype: 'Movable' },
              ...onCpu(cpu),
            }) as Request,
      );
      live.push({ key: step.key, id, kind: step.call, time: now });
      if (isOwn) counts.requests++;
      else background.allocations++;
    }
  }
  return {
    requests: [...withFrees(requests, late as never)],
    notes: moved === 0 ? [] : [expect.stringMatching(new RegExp(`^${moved} requests were moved `))],
    report: {
      ...counts,
      assumedFrees: late.length,
      background: { ...background, liveAtEnd: background.allocations - background.frees },
      liveAtEnd: counts.requests - counts.frees,
      unparsed: {
        count: unparsed.length,
        first: unparsed.slice(0, 3).map((line) => ({ line, text: 'what?', reason: 'why' })),
      },
      ignored: ignored === 0 ? {} : { comments: ignored },
    },
  };
}

it('has the requests and the counts that plain lists come to, whatever a reader calls', () => {
  fc.assert(
    fc.property(calls, (drawn) => {
      const into = new TraceRequests();
      for (const step of drawn) {
        if ('cpu' in step) into.runOn(step.cpu);
        else if ('keys' in step) into.freeGroup(step.keys, BigInt(step.at));
        else if (!('key' in step)) {
          if (step.call === 'failed') into.failed();
          else if (step.call === 'ignored') into.ignore('comments', 2);
          else if (step.call === 'unparsed') into.unparsed('what?', 'why');
          else into.lineRead();
        } else if (step.call === 'free') into.free(step.key, BigInt(step.at));
        else if (step.call === 'ofLine') into.freeOfAllocationLine(step.key, BigInt(step.at));
        else if (step.call === 'missed') into.missedFree(step.key, BigInt(step.at));
        else if (step.call === 'assume') into.assumeFree(step.key, step.at);
        else if (step.call === 'allocate') into.allocate(step.key, BigInt(step.at), PAGE);
        else into.backgroundAllocate(step.key, BigInt(step.at), ...OTHERS);
      }
      const expected = plainly(drawn);
      expect(into.requests).toEqual(expected.requests);
      expect(into.report()).toEqual(expected.report);
      expect(into.notes).toEqual(expected.notes);
    }),
    { numRuns: randomRuns(200) },
  );
});

it('counts lost events, keeps what was noted in order, and hands over what comes in place of keeping it', () => {
  const given: Request[] = [];
  const into = new TraceRequests((request) => void given.push(request));
  into.lost(3);
  into.lost(4);
  into.note('one');
  into.hint('two');
  into.allocate(1, 0n, PAGE);
  into.allocate(2, 0n, PAGE);
  into.assumeFree(2, 7);
  expect([into.lostEvents, into.report().lostEvents]).toEqual([7, 7]);
  expect([into.notes, into.hints]).toEqual([['one', 'two'], ['two']]);
  expect(given).toMatchObject([{ allocation: 1 }, { allocation: 2 }]);
  expect(into.lateFrees).toEqual([{ time: 7, allocation: 2 }]);
});

it('shows the first three lines that were not understood, counts all, and lines of one kind by that', () => {
  const into = new TraceRequests();
  for (const text of ['a', 'b', 'c', 'd']) {
    into.lineRead();
    into.unparsed(text, 'why');
  }
  into.ignore('comments');
  into.ignore('comments', 3);
  const { unparsed, ignored } = into.report();
  expect([unparsed.count, unparsed.first.map(({ text }) => text)]).toEqual([4, ['a', 'b', 'c']]);
  expect(ignored).toEqual({ comments: 4 });
});

it('frees memory once, though its free was assumed', () => {
  const into = new TraceRequests();
  into.allocate('a', 0n, PAGE);
  into.assumeFree('a', 10);
  into.free('a', 5n);
  into.assumeFree('a', 20);
  expect(steps(into)).toEqual([
    ['allocate', 1, 0],
    ['free', 1, 10],
  ]);
  expect(into.report()).toMatchObject({ frees: 1, freesWithoutAlloc: 1 });
});

it('takes a time up to 104 days after the first: 2^53 ns', () => {
  const into = new TraceRequests();
  into.allocate(1, 5n, PAGE);
  into.allocate(2, 5n + BigInt(Number.MAX_SAFE_INTEGER), PAGE);
  expect(steps(into).map(([, , time]) => time)).toEqual([0, Number.MAX_SAFE_INTEGER]);
  expect(into.notes).toEqual([]);
});

import { rmSync, writeFileSync } from 'node:fs';
import { InputError } from '@decpool/model';
import { aged, freshBoot } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fewConversions } from '../bounds/few-conversions.ts';
import { tracesPath } from '../files/resource.ts';
import { sha256 } from '../files/sha256.ts';
import { boundRatios } from '../metrics/bound-ratios.ts';
import { METRICS } from '../metrics/metric.ts';
import { readMemoryState } from '../traces/memory-state/memory-state.ts';
import { workloadNamed } from '../workloads/registry.ts';
import { RequestColumns } from '../workloads/request-columns.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import { type CellTask, runCell } from './cell-thread.ts';
import { readDefinition } from './definition.ts';
import type { FinishedCell } from './finished-cell.ts';
import { SweepFolder } from './folder.ts';
import { CODE, codeHash } from './identity.ts';
import { keysOf } from './outline.ts';
import { packState, unpackState } from './packed-state.ts';
import { type Cell, cellsOf, nameOf, outlineOf, type SweepPlan } from './plan.ts';
import { planOf, prepareSweep } from './prepare.ts';
import { readSweepResults } from './results.ts';
import { parseShard } from './shard.ts';
import { type DoneCell, type Engine, sweep } from './sweep.ts';
import { SweepFiles } from './testing.ts';
import { factsText, unfinishedText } from './text.ts';

let files: SweepFiles;
beforeAll(() => {
  files = new SweepFiles();
});
afterAll(() => files.remove());

const SMALL = {
  name: 'small',
  policies: ['first-fit+block+immediate', './broken.ts'],
  inputs: [
    { trace: 'traces/orders.txt' },
    { trace: 'traces/one.txt', memory: ['128M'], platforms: ['none'] },
  ],
  memory: ['128M', { size: '64M:aged', name: 'used' }],
  platforms: ['default', 'cca', 'snp'],
  seeds: [3, 5],
};

function prepared(changes: object = {}) {
  files.define('small.json', { ...SMALL, ...changes });
  return prepareSweep(files.scratch('small.json'));
}

const refusal = (changes: object): Promise<string> =>
  prepared(changes).then(
    () => 'no error',
    (error: unknown) => (error instanceof InputError ? error.message : `no InputError: ${error}`),
  );

describe('the plan of a sweep', () => {
  it('has a cell for each scenario, policy and seed, in this order; a platform is run once however it is named', async () => {
    const plan = await prepared();
    const scenarios = [
      ...['128M', 'used'].flatMap((memory) =>
        ['snp', 'cca'].map((platform) => `orders|${memory}|${platform}`),
      ),
      'one|128M|none',
    ];
    const keys = scenarios.flatMap((scenario) =>
      ['first-fit+block+immediate', 'broken'].flatMap((policy) =>
        [3, 5].map((seed) => `${scenario}|${policy}|${seed}`),
      ),
    );
    expect(cellsOf(plan).map(({ key }) => key)).toEqual(keys);
    expect(keysOf(outlineOf(plan))).toEqual(keys);
  });

  it('has each input, memory state and policy once in its outline, with what is known of it', async () => {
    const plan = await prepared();
    const { inputs, memory, policies, scenarios } = outlineOf(plan);
    // Requests are 1 ms apart. Two blocks are needed for 2 of the 6 ms, and only the chunk of order 9 is too large for slots.
    expect(inputs).toMatchObject([
      {
        ...{ name: 'orders', requests: 7, peakLivePages: 512 + 16 },
        lowerBounds: { blocksPeak: 2, blockSeconds: 0.008, beyondSlots: { blocksPeak: 1 } },
      },
      { name: 'one', requests: 1, peakLivePages: 8, lowerBounds: { blocksPeak: 1, blockSeconds: 0 } },
    ]);
    // A request of more than 256 KiB fits no slots.
    const requests = new RequestColumns(cellsOf(plan)[0].input.requests);
    const beyondSlots = fewConversions(requests, 512, ({ pages }) => pages > 64);
    expect(inputs[0].lowerBounds.beyondSlots).toEqual(beyondSlots);
    expect(inputs[0]).not.toHaveProperty('seed');
    const noTimes = 'The file has no times. Requests are 1 ms of simulated time apart.';
    expect(inputs.map(({ notes }) => notes)).toEqual([
      [noTimes],
      [noTimes, expect.stringContaining('The peak of 8 live pages')],
    ]);
    expect(memory.map(({ name }) => name)).toEqual(['128M', 'used']);
    expect(policies).toEqual(['first-fit+block+immediate', 'broken']);
    expect(scenarios).toHaveLength(5);
    const [one] = outlineOf(await prepared({ seeds: [3] })).scenarios;
    expect(one).toEqual({ input: 'orders', memory: '128M', platform: 'snp' });
  });

  it('has requests for each of its seeds', async () => {
    const plan = await prepared();
    const more = { ...plan, definition: { ...plan.definition, seeds: [3, 5, 7] } };
    expect(() => cellsOf(more)).toThrow(new TypeError('no requests for seed 7'));
  });

  it('has the requests of the trace, and their hash', async () => {
    const [{ input }] = cellsOf(await prepared());
    const requests = new RequestColumns(input.requests);
    expect([...requests].map(({ kind }) => kind).join()).toBe(
      'allocate,allocate,free,allocate,free,allocate,free',
    );
    expect(input.facts.requestsHash).toBe(requestsHash({ requests }));
  });

  it('gives threads the memory state that it began with, which is made once for all inputs', async () => {
    const cells = cellsOf(await prepared());
    for (const { memory } of cells) expect(unpackState(memory.packed)).toEqual(memory.state);
    const states = new Set(cells.map(({ memory }) => memory));
    expect(states.size).toBe(2);
  });

  it('has made-up memory of the first seed and of as many nodes as it is told', async () => {
    const memory = ['128M:aged', { size: '128M', name: 'fresh' }];
    const plan = await prepared({ memory, inputs: [SMALL.inputs[0]], settings: { nodes: 2 } });
    const states = new Map(plan.scenarios.map(({ memory: { name, state } }) => [name, state]));
    expect(states.get('128M:aged')).toEqual(aged(128 * 2 ** 20, 3, 2));
    expect(states.get('fresh')).toEqual(freshBoot(128 * 2 ** 20, 2));
    expect([...states.keys()]).toEqual(['128M:aged', 'fresh']);
  });

  it('has recorded memory under its own name or that of the definition, with what is wrong with it', async () => {
    const state = tracesPath('exact/k73/fresh-mix-1');
    const recorded = readMemoryState(state);
    const memory = [{ state }, { state, name: 'mine' }];
    const plan = await prepared({ memory, inputs: [SMALL.inputs[0]], platforms: ['snp'] });
    expect(outlineOf(plan).memory).toEqual(
      [recorded.memory.name, 'mine'].map((name) => ({
        ...{ name, description: recorded.memory.name, notes: recorded.warnings },
      })),
    );
    for (const { memory: made } of plan.scenarios) expect(made.state).toEqual(recorded.memory);
  });

  it('has the page events of a trace that its expression says are for shared memory', async () => {
    const event = (pfn: string, order: number) =>
      ` dd-166 [000] ..... 7.983856: mm_page_alloc: page=1 pfn=${pfn} order=${order} migratetype=0 gfp_flags=GFP_KERNEL`;
    writeFileSync(files.scratch('pages.txt'), `${event('0x113a00', 8)}\n${event('0x113b00', 0)}\n`);
    const inputs = [{ trace: 'pages.txt', shared: 'order=8' }];
    const [{ peakLivePages }] = outlineOf(await prepared({ inputs })).inputs;
    expect(peakLivePages).toBe(256);
    expect(await refusal({ inputs: [{ trace: 'pages.txt' }] })).toMatch(
      /inputs\[0\]: .*all of its 2 page allocations are background/s,
    );
    expect(await refusal({ inputs: [{ ...inputs[0], shared: 'order=' }] })).toMatch(/inputs\[0\]: /);
  });

  it('has the settings of its definition, with a fault seed that counts up with the seeds', async () => {
    const settings = {
      ...{ kernel: '6.x', pcp: false, compaction: false, reclaim: false, swiotlbDynamic: true },
      ...{ granule: 16, wordAccess: false, restore: true },
      faults: { seed: 8, decrypt: 0.5 },
    };
    const cells = cellsOf(await prepared({ settings, platforms: ['snp'], inputs: [SMALL.inputs[0]] }));
    expect(cells.slice(0, 3).map(({ settings: { faults } }) => faults?.seed)).toEqual([8, 9, 8]);
    expect(cells[0]).toMatchObject({
      platform: { name: 'snp', granulePages: 4, restore: true, strayRead: 'impossible' },
      settings: {
        isSwiotlbDynamic: true,
        pageSource: { kernel: '6.x', perCpuLists: false, compaction: false },
        faults: { decrypt: 0.5, encrypt: 0 },
      },
    });
    expect(cells[0].settings.pageSource).not.toHaveProperty('reclaim');
    const [plain] = cellsOf(await prepared());
    expect(plain.settings).toMatchObject({
      isSwiotlbDynamic: false,
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: true, reclaim: true },
    });
    expect(plain.settings).not.toHaveProperty('faults');
  });

  it('generates a workload once, or from each seed if that is wanted', async () => {
    const its = { inputs: [{ workload: 'netvsc' }], platforms: ['default'], memory: ['128M'] };
    const once = await prepared(its);
    expect(new Set(cellsOf(once).map(({ input }) => input)).size).toBe(1);
    expect(outlineOf(once).inputs.map(({ seed }) => seed)).toEqual([undefined]);
    const hashOf = (seed: number) => requestsHash(workloadNamed('netvsc').generate({ seed }));
    expect(outlineOf(once).inputs.map((input) => input.requestsHash)).toEqual([hashOf(3)]);
    // The platform that netvsc models.
    expect(once.scenarios.map(({ platform }) => platform.name)).toEqual(['hyperv-vtom']);
    const each = await prepared({ ...its, workloadPerSeed: true });
    expect(outlineOf(each).inputs.map(({ name, seed }) => [name, seed])).toEqual([
      ['netvsc', 3],
      ['netvsc', 5],
    ]);
    expect(outlineOf(each).inputs.map((input) => input.requestsHash)).toEqual([hashOf(3), hashOf(5)]);
    expect(cellsOf(each).map(({ seed, input }) => input.facts.seed === seed)).toEqual(Array(4).fill(true));
    expect(Object.keys(each.identity)).toEqual(
      expect.arrayContaining(["input 'netvsc' of seed 3", "input 'netvsc' of seed 5"]),
    );
  });

  it('is known by its code, its definition, and all that it names', async () => {
    const { identity, scenarios, policies } = await prepared();
    expect(policies[1]).toEqual({
      ...{ name: 'broken', given: './broken.ts' },
      source: files.scratch('broken.ts'),
    });
    expect(Object.keys(identity)).toEqual([
      ...[CODE, 'definition', "policy 'broken'", "input 'orders'", "input 'one'"],
      ...["memory '128M'", "memory 'used'"],
    ]);
    expect(identity[CODE]).toBe(codeHash());
    const [{ inputs, memory }] = scenarios;
    expect(identity["input 'orders'"]).toBe(inputs.get(3)?.facts.requestsHash);
    expect(identity["memory '128M'"]).toBe(sha256(JSON.stringify(memory.state)));
    expect((await prepared({ seeds: [3] })).identity).toMatchObject({
      "policy 'broken'": identity["policy 'broken'"],
      definition: expect.not.stringMatching(identity['definition']),
    });
    writeFileSync(
      files.scratch('other.ts'),
      "export default () => ({ name: 'broken', allocate() {}, free() {} });\n",
    );
    const other = await prepared({ policies: ['./other.ts'] });
    expect(other.identity["policy 'broken'"]).not.toBe(identity["policy 'broken'"]);
  });

  it.each([
    [
      { inputs: [{ trace: 'traces/orders.txt' }, { trace: './traces/orders.txt' }] },
      /inputs\[1\]: duplicate input 'orders'; expected different names$/,
    ],
    [
      { memory: ['128M', { size: '64M', name: '128M' }] },
      /memory\[1\]: duplicate memory state '128M'; expected/,
    ],
    [
      { memory: ['128M', '64M', { size: '256M', name: '128M' }] },
      /memory\[2\]: duplicate memory state '128M'; expected/,
    ],
    [
      { inputs: [{ workload: 'netvsc:memory=1G' }] },
      /inputs\[0\]: workload 'netvsc:memory=1G': give its memory in "memory"$/,
    ],
    [{ inputs: [{ workload: 'netvsc' }, { workload: 'x' }] }, /inputs\[1\]: unknown workload 'x'/],
    [{ inputs: [{ ...SMALL.inputs[0], memory: ['64M', 'x'] }] }, /inputs\[0\]\.memory\[1\]: /],
    [{ memory: ['x'] }, /small\.json: memory\[0\]: /],
    [{ policies: ['nobody'] }, /small\.json: policies: .*'nobody'/],
    [{ platforms: ['snp', 'none'], settings: { restore: true } }, /small\.json: platforms\[1\]: --restore/],
    [
      { inputs: [{ ...SMALL.inputs[0], platforms: ['none'] }], settings: { restore: true } },
      /inputs\[0\]\.platforms\[0\]: --restore/,
    ],
    [{ memory: [{ state: 'no-such-folder' }] }, /small\.json: memory\[0\]: .*no-such-folder/],
  ])('is refused with the place in its definition: %j', async (changes, message) => {
    expect(await refusal(changes)).toMatch(message);
  });
});

it('a defect that the plan of a sweep meets has no place in its definition', async () => {
  const definition = readDefinition(files.scratch('small.json'));
  const defect = new TypeError('a defect');
  const input = {
    get workload(): string {
      throw defect;
    },
  };
  await expect(planOf({ ...definition, inputs: [input] }, files.scratch('small.json'))).rejects.toBe(defect);
});

/** Runs cells in this thread. */
const here =
  (most = Number.POSITIVE_INFINITY): Engine =>
  async ({ toDo, done }) => {
    for (const cell of toDo.slice(0, most)) {
      const { input, memory, platform, policy, seed, settings } = cell;
      done([
        { cell, ...(await runCell({ input, memory: memory.packed, platform, policy, seed, settings })) },
      ]);
    }
  };

describe('a sweep', () => {
  /** A new folder for it, whatever lies there. */
  function opened(name: string, plan: SweepPlan): Promise<SweepFolder> {
    rmSync(files.scratch(name), { recursive: true, force: true });
    return SweepFolder.open(files.scratch(name), { identity: plan.identity, outline: outlineOf(plan) });
  }
  const few = { inputs: [SMALL.inputs[1]], seeds: [3, 5, 7] };

  it('runs what is left, keeps each cell before it is told, and has results once there is no more', async () => {
    const plan = await prepared(few);
    const about = { identity: plan.identity, outline: outlineOf(plan) };
    const keys = cellsOf(plan).map(({ key }) => key);
    const folder = await opened('steps', plan);
    const told: string[] = [];
    const onCell = ({ key }: Cell, seconds: number) => {
      told.push(key);
      expect(seconds).toBeGreaterThan(0);
      expect(files.cellsIn('steps')).toHaveLength(told.length);
    };
    const begun: string[][] = [];
    const onStart = (toDo: readonly Cell[]) => void begun.push(toDo.map(({ key }) => key));
    const shard = parseShard('2/3');
    expect(await sweep(plan, folder, { engine: here(), shard, onCell, onStart })).toBeUndefined();
    expect(told).toEqual([keys[1], keys[4]]);
    folder.close();
    const again = await SweepFolder.open(files.scratch('steps'), about);
    expect(factsText(plan, again, shard)).toBe(
      [
        'sweep        small: 1 scenarios (input, memory, platform) x 2 policies x 3 seeds = 6 cells',
        'part         2 of 3: 2 cells',
        'resumed      2 cells were already done',
        '',
      ].join('\n'),
    );
    expect(await sweep(plan, again, { engine: here(1), onCell, onStart })).toBeUndefined();
    again.close();
    const last = await SweepFolder.open(files.scratch('steps'), about);
    const results = await sweep(plan, last, { engine: here(), onCell, onStart });
    last.close();
    const left = keys.filter((_, at) => at % 3 !== 1);
    expect(begun).toEqual([[keys[1], keys[4]], left, left.slice(1)]);
    expect(told.toSorted()).toEqual(keys.toSorted());
    expect(readSweepResults(files.scratch('steps/results.json'))).toEqual(results);
    expect(results?.runs.map((run) => ('refused' in run ? run.refused : run.policy))).toEqual([
      ...Array(3).fill('first-fit+block+immediate'),
      ...[3, 5, 7].map(() => expect.stringContaining('not today')),
    ]);
    // Outside a confidential guest nothing is bounded.
    const measured = new Set<string>(results?.rows.map(({ metric }) => metric));
    expect(Object.keys(boundRatios.metrics).filter((id) => measured.has(id))).toEqual([]);
    expect(results?.rows.every(({ policy }) => policy === 'first-fit+block+immediate')).toBe(true);
  });

  it('takes a cell of which the program failed as it is told, and leaves the rest to the next time', async () => {
    const plan = await prepared(few);
    const folder = await opened('failing', plan);
    const seen: (readonly [number, number])[] = [];
    const engine: Engine = async ({ toDo, cells, done, finished }) => {
      seen.push([toDo.length, finished.size]);
      const failedCell = (cell: Cell): DoneCell => ({ cell, seconds: 1, outcome: { failed: 'a defect' } });
      done(toDo.slice(0, 2).map(failedCell));
      seen.push([cells.length, finished.size]);
    };
    expect(await sweep(plan, folder, { engine })).toBeUndefined();
    expect(seen).toEqual([
      [6, 0],
      [6, 2],
    ]);
    const lines = files.cellsIn('failing').map((line): FinishedCell => JSON.parse(line));
    expect(lines).toMatchObject([
      { failed: 'a defect', seed: 3 },
      { failed: 'a defect', seed: 5 },
    ]);
    folder.close();
  });

  it('says what it is, without what does not apply, and how it goes on', async () => {
    const plan = await prepared(few);
    const folder = await opened('new', plan);
    expect(factsText(plan, folder).split('\n')).toEqual([expect.stringContaining('= 6 cells'), '']);
    folder.close();
    const [first] = cellsOf(plan);
    const line = JSON.stringify({ key: first.key, ...nameOf(first), refused: 'no' });
    writeFileSync(files.scratch('new/cells.ndjson'), `${line}\n{"key"`);
    const again = await SweepFolder.open(files.scratch('new'), {
      identity: plan.identity,
      outline: outlineOf(plan),
    });
    expect(factsText(plan, again).split('\n').slice(1)).toEqual([
      'resumed      1 cells were already done',
      'resumed      the last line of cells.ndjson was cut off; its cell runs again',
      '',
    ]);
    again.close();
    expect(unfinishedText(plan, 4, 'out', true)).toBe(
      'interrupted  4 of 6 cells are done and kept in out; run the same command to continue\n',
    );
    expect(unfinishedText(plan, 4, 'out', false)).toBe(
      'part done    4 of 6 cells are done in out; join all parts with decpool sweep merge\n',
    );
  });
});

describe('a cell', () => {
  const taskOf = async (changes: object): Promise<CellTask> => {
    const [{ input, memory, platform, policy, seed, settings }] = cellsOf(await prepared(changes));
    return { input, memory: memory.packed, platform, policy, seed, settings };
  };
  const outcomeOf = async (changes: object) => (await runCell(await taskOf(changes))).outcome;

  it('has all metrics in a confidential guest', async () => {
    const outcome = await outcomeOf({});
    if ('refused' in outcome) throw new Error(outcome.refused);
    expect(Object.keys(outcome.metrics).toSorted()).toEqual(METRICS.map(({ id }) => id).toSorted());
  });

  it('names a policy file as the definition does, wherever it lies', async () => {
    const outcome = await outcomeOf({ policies: ['./broken.ts'] });
    if (!('refused' in outcome)) throw new Error('it was served');
    expect(outcome.refused).toContain('./broken.ts');
    expect(outcome.refused).toContain('not today');
    expect(outcome.refused).not.toContain(files.folder);
  });

  it('takes so many seconds of the clock', async () => {
    const task = await taskOf({ policies: ['linux-7.3'] });
    let now = 2000;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 500));
    const { seconds } = await runCell(task).finally(() => clock.mockRestore());
    expect(seconds).toBe((now - 2500) / 1000);
  });

  it('throws what is a defect', async () => {
    const task = await taskOf({});
    const memory = { hash: 'of no memory', json: new SharedArrayBuffer(1) };
    await expect(runCell({ ...task, memory })).rejects.toThrow(SyntaxError);
  });

  it('is refused for what its policy file did to all code, whatever became of it', async () => {
    const { hypot } = Math;
    writeFileSync(
      files.scratch('changes.ts'),
      "export default () => ({ name: 'changes', allocate() { Math.hypot = () => 7; throw new Error('x'); }, free() {} });\n",
    );
    const outcome = await outcomeOf({ policies: ['./changes.ts'] });
    expect('refused' in outcome ? outcome.refused : '').toContain('Math.hypot');
    expect(Math.hypot).toBe(hypot);
  });
});

describe('a part of a sweep', () => {
  it('is one of so many, both from 1', () => {
    expect(parseShard('3/16')).toEqual({ index: 3, count: 16 });
    expect(parseShard('16/16')).toEqual({ index: 16, count: 16 });
    for (const text of ['17/16', '0/3', '1/0', '03/16', '3/16 ', 'a3/16', '3', '12345678/99999999', '1.5/2'])
      expect(parseShard(text), text).toBeUndefined();
  });
});

describe('a packed memory state', () => {
  it('is read once while it is in use, and has the hash of its JSON', async () => {
    const [{ memory }] = cellsOf(await prepared());
    const state = (name: string) => packState({ ...memory.state, name });
    const [one, ...others] = Array.from({ length: 9 }, (_, at) => state(`state ${at}`));
    expect(one.hash).toBe(sha256(JSON.stringify({ ...memory.state, name: 'state 0' })));
    const first = unpackState(one);
    expect(first).toEqual({ ...memory.state, name: 'state 0' });
    for (const other of others.slice(0, 7)) unpackState(other);
    expect(unpackState(one)).toBe(first);
    // Eight are kept, those that were used last: one of them now.
    unpackState(others[7]);
    expect(unpackState(one)).toBe(first);
    for (const other of others) unpackState(other);
    expect(unpackState(one)).not.toBe(first);
    expect(unpackState(one)).toEqual(first);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@decpool/model';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validateScatter } from './scatter.ts';
import {
  buddyinfo,
  csvOf,
  pagetypeinfo,
  type Row,
  scatterResults,
  snapshots,
  vmstat,
  writeFiles,
  zoneinfo,
} from './testing.ts';

const BUNDLED = fileURLToPath(new URL('../../../../../examples/traces/recordings/', import.meta.url));

const single = (id: number, splits2M = 0): Row => ({ op: 'x', id, pfn: id, splits2M });
/** Ten single pages that split one entry, and their frees. */
const TEN: readonly Row[] = [
  ...Array.from({ length: 10 }, (_, id) => single(id, id === 0 ? 1 : 0)),
  ...Array.from({ length: 10 }, (_, id) => ({ op: 'y', id })),
];
/** One block free as a whole. */
const ONE_BLOCK = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

let root = '';
let folder = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'decpool-'));
  folder = join(root, 'recordings', 'k99', 'E9');
  writeFiles(folder, { 'meta.json': '{"kernel": "6.1.99"}', 'ops.csv': csvOf(TEN) });
});
afterEach(() => rmSync(root, { recursive: true }));

const SEEDS = [1, 2, 3];
const run = (dir = folder) => scatterResults(dir, SEEDS);
const only = (dir = folder) => {
  const results = run(dir);
  expect(results).toHaveLength(1);
  return results[0];
};
const refusal = (dir = folder) => {
  try {
    run(dir);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message
      .replaceAll(`${folder}/`, '')
      .replaceAll(folder, 'FOLDER')
      .replaceAll(root, 'ROOT');
  }
  return 'no refusal';
};

describe('a run with its snapshots in folders', () => {
  it('has the splits of the kernel, of the model and of chance', () => {
    writeFiles(folder, snapshots(ONE_BLOCK, 20));
    expect(only()).toMatchObject({
      name: folder,
      kernel: '6.1.99',
      kind: 'quiet',
      pages: 10,
      pagesByOthers: 10,
      pagesReclaimed: 30,
      pagesMoved: 0,
      kernel2M: 1,
      model2M: { median: 1, min: 1, max: 1 },
      uniform2M: { median: 1, min: 1, max: 1 },
      possible2M: { low: 1, high: 10 },
      possible1G: { low: 0, high: 0 },
      isPossible: true,
      refused: 0,
      warnings: [],
    });
  });

  it('is churned when others allocate more than it does', () => {
    writeFiles(folder, snapshots(ONE_BLOCK, 21));
    expect(only()).toMatchObject({ kind: 'churned', pagesByOthers: 11 });
  });

  it('is impossible when the kernel split more than any placement can', () => {
    writeFiles(folder, { ...snapshots(ONE_BLOCK, 20), 'ops.csv': csvOf([single(1, 2)]) });
    expect(only()).toMatchObject({ kernel2M: 2, possible2M: { low: 1, high: 1 }, isPossible: false });
    writeFiles(folder, { 'ops.csv': csvOf([{ ...single(1, 1), splits1G: 1 }]) });
    expect(only()).toMatchObject({ kernel2M: 1, kernel1G: 1, isPossible: false });
  });

  it('is warned of when somebody else split mappings too', () => {
    writeFiles(folder, snapshots(ONE_BLOCK, 20, 3));
    expect(only().warnings).toEqual([
      '/proc/vmstat counts 3 2M and 0 1G splits, the rows of the run 1 and 0. The model is compared with the rows.',
    ]);
  });

  it('skips rows that failed, and their frees', () => {
    const rows = [single(0, 1), { ...single(1), rc: -16 }, { op: 'y', id: 1, rc: -22 }];
    writeFiles(folder, { ...snapshots(ONE_BLOCK, 2), 'ops.csv': csvOf(rows) });
    expect(only()).toMatchObject({ pages: 1 });
  });

  it('says how many requests the model could not serve', () => {
    writeFiles(folder, snapshots([2], 20));
    const { refused, warnings } = only();
    expect(refused).toBe(9);
    expect(warnings).toEqual([
      expect.stringMatching(/^the model found no chunk for 9 requests; a kernel makes/),
    ]);
  });

  it('without `held` is compared with what /proc/vmstat said after the frees', () => {
    const { 'held/vmstat': _, ...files } = snapshots(ONE_BLOCK, 20);
    writeFiles(folder, { ...files, 'after/vmstat': vmstat(1500) });
    expect(only()).toMatchObject({ kind: 'churned', pagesByOthers: 490 });
  });
});

describe('a run of buffers', () => {
  const rows: readonly Row[] = [
    { op: 'vb', id: 1, pages: 512, pfn: 1024 },
    { op: 'vb', id: 2, pages: 256, pfn: 2048, splits2M: 1 },
    { op: 'vbf', id: 1, pages: 512, pfn: 1024 },
    { op: 'vbf', id: 2, pages: 256, pfn: 2048 },
    { op: 'vb', id: 2, pages: 256, pfn: 2304 },
  ];
  const free = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];

  it('is explained by the rows below a block, and where they lie', () => {
    writeFiles(folder, { ...snapshots(free, 5000), 'ops.csv': csvOf(rows) });
    const result = only();
    expect(result).toMatchObject({ kind: 'buffers', kernel2M: 1, isPossible: true });
    expect(result.story?.lines).toEqual([
      '3 chunks: 1 of order 9 (0 2M splits), 2 of order 8 (1 2M split)',
      '2 of them are smaller than a block (order 9) and lie in 1 block: 1 with a 2M split, ' +
        '1 in a block that the run had split before, 0 in a block mapped by 4K pages before the run',
    ]);
  });

  it('is impossible when a whole block split an entry', () => {
    const wrong = rows.map((row) => (row.pages === 512 && row.op === 'vb' ? { ...row, splits2M: 1 } : row));
    writeFiles(folder, { ...snapshots(free, 5000), 'ops.csv': csvOf(wrong) });
    const { isPossible, story } = only();
    expect(isPossible).toBe(false);
    expect(story?.lines.at(-1)).toMatch(
      /ops.csv:4: a chunk of order 9 split a 2M entry; chunks from order 9 on should split none/,
    );
  });
});

describe('where a run looks for its files', () => {
  it('may be a tar archive beside the rows', () => {
    const loose = join(root, 'loose');
    writeFiles(loose, snapshots(ONE_BLOCK, 20));
    create({ file: join(folder, 'snapshots.tar.gz'), cwd: loose, gzip: true, sync: true }, [
      'before',
      'held',
      'after',
    ]);
    expect(only()).toMatchObject({ kind: 'quiet', pagesByOthers: 10 });
  });

  it('may be the memory state of the same name beside the recordings', () => {
    writeFiles(join(root, 'memory', 'k99-E9-before'), {
      buddyinfo: buddyinfo(ONE_BLOCK),
      pagetypeinfo: pagetypeinfo(ONE_BLOCK),
      zoneinfo,
      vmstat: vmstat(1000),
      'vmstat-held': vmstat(1020, 0, 1),
    });
    expect(only()).toMatchObject({ kind: 'quiet', pagesByOthers: 10 });
  });

  it('tells the runs of a folder apart by their names, and passes over what allocates nothing', () => {
    const named = Object.fromEntries(
      Object.entries(snapshots(ONE_BLOCK, 20)).map(([path, text]) => [`E9d.${path}`, text]),
    );
    rmSync(join(folder, 'ops.csv'));
    writeFiles(folder, {
      ...named,
      'E9d.csv': csvOf(TEN),
      'E2.csv': csvOf([
        { op: 'alloc', id: 1, pages: 512 },
        { op: 'c', id: 1 },
      ]),
    });
    expect(run().map(({ name }) => name)).toEqual([join(folder, 'E9d')]);
    expect(run(join(folder, 'E9d')).map(({ name }) => name)).toEqual([join(folder, 'E9d')]);
    expect(refusal(join(folder, 'E2'))).toMatch(
      /^E2: E2.csv without allocations; expected rows that convert/,
    );
  });
});

describe('a run that cannot be read whole', () => {
  it('does not silence the others of its folder', () => {
    writeFiles(folder, {
      ...snapshots(ONE_BLOCK, 20),
      'a.csv': csvOf(TEN),
      'b.csv': csvOf([single(1)]).replace(',dec,', ',what,'),
      'c.csv': csvOf(TEN),
    });
    rmSync(join(folder, 'ops.csv'));
    const results = validateScatter(folder, SEEDS);
    expect(results).toMatchObject([
      { name: join(folder, 'a'), kernel2M: 1 },
      { message: expect.stringMatching(/b\.csv:4: op 'x' with method 'what'/) },
      { name: join(folder, 'c'), kernel2M: 1 },
    ]);
  });

  it('needs no meta.json: the page allocator of 6.1 is used then, which the result says', () => {
    writeFiles(folder, snapshots(ONE_BLOCK, 20));
    rmSync(join(folder, 'meta.json'));
    expect(only()).toMatchObject({
      kernel: 'unknown',
      kernel2M: 1,
      warnings: ['no meta.json beside it, such as {"kernel": "6.1.192"}: the page allocator of 6.1 is used'],
    });
  });
});

describe('is refused', () => {
  it('a folder that is not there', () => {
    expect(refusal(join(root, 'none'))).toBe(
      'ROOT/none: no such folder, and no ROOT/none.csv.gz; expected the folder of a recording',
    );
  });

  it('a file', () => {
    expect(refusal(join(folder, 'ops.csv'))).toMatch(
      /^ops.csv: not a folder; expected the folder of a recording/,
    );
  });

  it('a folder without recordings', () => {
    expect(refusal(join(root, 'recordings'))).toBe(
      'ROOT/recordings: no .csv or .csv.gz in it; expected a recording',
    );
  });

  it('a run of which nothing was read before', () => {
    expect(refusal()).toBe(
      'ops.csv: the state of memory before the run is missing; expected one of before/buddyinfo, ROOT/memory/k99-E9-before/buddyinfo',
    );
  });

  it('an archive that is cut off or none', () => {
    writeFileSync(join(folder, 'snapshots.tar.gz'), 'no archive');
    expect(refusal()).toMatch(/^snapshots.tar.gz: cannot be unpacked \(.*\); expected a whole tar archive$/);
  });

  it.each([
    ['before/pagetypeinfo', /^before.pagetypeinfo: cannot be read/],
    ['before/vmstat', /^before.vmstat: no such file; expected a copy of .proc.vmstat/],
  ])('a run without %s', (path, message) => {
    const files = snapshots(ONE_BLOCK, 20);
    delete files[path];
    writeFiles(folder, files);
    expect(refusal()).toMatch(message);
  });

  it('a run without /proc/vmstat after it', () => {
    const { 'held/vmstat': _, 'after/vmstat': __, ...files } = snapshots(ONE_BLOCK, 20);
    writeFiles(folder, files);
    expect(refusal()).toMatch(/^held.vmstat: no such file; expected a copy/);
  });

  it.each([
    [
      'counters that run backwards',
      vmstat(999),
      /^held.vmstat: pgalloc_normal is lower than in before.vmstat; expected/,
    ],
    [
      'fewer pages allocated than the rows allocate',
      vmstat(1009),
      /^held.vmstat: 9 pages allocated since the first copy; expected at least 10, as the rows of ops.csv/,
    ],
    ['no counters of zones', 'nr_free_pages 1\n', /^held.vmstat: no pgalloc_\* counters; expected all of/],
    [
      'a line that is no counter',
      'pgalloc_normal x\n',
      /^held.vmstat:1: expected 'COUNTER VALUE', got 'pgalloc_normal x'/,
    ],
  ])('%s', (_, text, message) => {
    writeFiles(folder, { ...snapshots(ONE_BLOCK, 20), 'held/vmstat': text });
    expect(refusal()).toMatch(message);
  });

  it.each([
    [
      'pages of no order',
      [{ op: 'x', id: 1, pages: 3 }],
      /^ops.csv:4: 3 pages; expected a power of two up to 1024/,
    ],
    [
      'more pages than an allocation has',
      [{ op: 'x', id: 1, pages: 2048 }],
      /^ops.csv:4: 2048 pages; expected a power/,
    ],
    [
      'an allocation made twice',
      [single(1), single(1)],
      /^ops.csv:5: 'x' of allocation 1, which is already live; expected/,
    ],
    [
      'a free of nothing',
      [single(1), { op: 'y', id: 2 }],
      /^ops.csv:5: 'y' of allocation 2, which is not live; expected/,
    ],
  ] as const)('%s', (_, rows, message) => {
    writeFiles(folder, { ...snapshots(ONE_BLOCK, 20), 'ops.csv': csvOf(rows) });
    expect(refusal()).toMatch(message);
  });

  it('a recording without a walk of the direct map', () => {
    const csv = csvOf(TEN)
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n');
    writeFiles(folder, { ...snapshots(ONE_BLOCK, 20), 'ops.csv': csv });
    expect(refusal()).toMatch(/^ops.csv: no #map to start from; expected a walk/);
  });
});

describe('the bundled recordings', () => {
  it.each([
    ['k61/E1f', 'quiet', 6, 0],
    ['k61/EP', 'churned', 75, 1],
    ['k73/E1m', 'churned', 21, 1],
    ['k61/E4c', 'buffers', 9, 1],
    ['k73/E4c', 'buffers', 1, 0],
  ] as const)('%s is %s, and its numbers are possible', (path, kind, kernel2M, kernel1G) => {
    const [result] = scatterResults(join(BUNDLED, path), [1]);
    expect(result).toMatchObject({ kind, kernel2M, kernel1G, isPossible: true });
  });

  it.each(['k61/E5', 'k61/E6dec', 'k61/E7cc'])('%s holds no allocations to compare', (path) => {
    expect(() => scatterResults(join(BUNDLED, path), [1])).toThrow(/without allocations; expected rows/);
  });
});

import { platformNamed } from '@decpool/model';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ComparedPolicy, Comparison, ComparisonInput } from '../compare/compare.ts';
import { spreadOf } from '../compare/spread.ts';
import { comparisonSvg } from './chart.ts';
import { comparisonJson } from './json.ts';
import { comparisonMarkdown } from './markdown.ts';
import { comparisonRows, describe as headOf, notesOf } from './rows.ts';
import { comparisonText } from './terminal.ts';
import { tinyComparison } from './testing.ts';

let comparison: Comparison;
beforeAll(async () => {
  comparison = await tinyComparison();
});

/** The policy with another value of one metric, the same for every seed. */
const withValue = (policy: ComparedPolicy, id: string, value: number): ComparedPolicy => ({
  ...policy,
  metrics: policy.metrics.map((compared) =>
    compared.metric.id === id ? { ...compared, spread: spreadOf([value]) } : compared,
  ),
});

describe('the text for a terminal', () => {
  it('tells what was run, then a column per policy', () => {
    expect(comparisonText(comparison, false)).toMatchInlineSnapshot(`
      "input        tiny: Three buffers of a NIC.
      requests     3 allocations, 1 free, peak live 2,603 pages (10.2 MiB)
      memory       fresh boot 64 MiB
      platform     snp; a stray load_unaligned_zeropad() at a border is fixed up
      seeds        1, 2, 3: each a guess at where the free chunks lie; cells: median, and smallest..largest where they differ
      baseline     gfp-decrypted
      bounds       [2, 2 by an offline packing] blocks shared at peak for any policy that serves all requests; lower: max over time of ceil(live pages / 512), for blocks ever shared too
      bounds       [5 block.s, 5 block.s by an offline packing] shared; lower: integral of ceil(live pages / 512) dt
      lifetimes    mu = longest / shortest = 3 s / 2 s = 1.5; 1 never freed, counted up to the end of the trace
      worst case   first-fit+block+immediate: blocks at peak 2.4942 (at least 2.45), block-s 4.5 (mu + 3), times the best for volumes, which need not be contiguous or aligned
      worst case   gfp-decrypted: none known
      ┌───────────────────────────┬───────────────┬─────────────────┐
      │                           │ gfp-decrypted │       first-fit │
      │                           │               │          +block │
      │                           │               │      +immediate │
      ├───────────────────────────┼───────────────┼─────────────────┤
      │ 2M splits                 │             1 │       0  -100 % │
      │ 1G splits                 │             0 │            0  = │
      │ page-table pages          │             1 │       0  -100 % │
      │ DirectMap4k               │         4 MiB │    2 MiB  -50 % │
      │ DirectMap2M               │        60 MiB │  62 MiB  +3.3 % │
      │ DirectMap1G               │           0 B │          0 B  = │
      │ blocks ever shared        │             3 │            3  = │
      │ blocks shared, peak       │             3 │            3  = │
      │ blocks shared, end        │             2 │            2  = │
      │ shared block-s            │     7 block.s │    7 block.s  = │
      │ mixed 2M ranges, peak     │             1 │       0  -100 % │
      │ mixed 2M ranges, end      │             0 │            0  = │
      │ conversions               │             3 │            3  = │
      │ pages converted           │         1,032 │    2,048  +98 % │
      │ host calls                │             3 │            3  = │
      │ page-table passes         │             3 │            3  = │
      │ map entries changed       │            10 │        4  -60 % │
      │ pages zeroed              │         1,028 │    1,536  +49 % │
      │ full TLB flushes          │             3 │       6  +100 % │
      │ ranged TLB flushes        │             4 │       0  -100 % │
      │ shared-idle, peak         │           0 B │   3.64 MiB  new │
      │ shared-idle, end          │           0 B │   1.66 MiB  new │
      │ shared-idle byte-s        │         0 B.s │ 9.28 MiB.s  new │
      │ shared-idle, mean         │           0 B │   3.09 MiB  new │
      │ borders, end              │             1 │            1  = │
      │ internal fragmentation    │        41.3 % │   0 %  -41.3 pt │
      │ claims                    │             2 │            2  = │
      │ claims below 2 MiB        │             1 │       0  -100 % │
      │ failed requests           │             1 │            1  = │
      │ failed: too-large         │             1 │            1  = │
      │ host may see, end         │         4 MiB │        4 MiB  = │
      │ blocks peak / lower bound │           1.5 │          1.5  = │
      │ block-s / lower bound     │           1.4 │          1.4  = │
      └───────────────────────────┴───────────────┴─────────────────┘
      note: gfp-decrypted refused 1 request: its other figures are of less work
      note: first-fit+block+immediate refused 1 request: its other figures are of less work
      note: one of the buffers is more than the page allocator has in one piece
      note: made up
      "
    `);
  });

  it('fits in 140 columns with the five policies that are compared by default', () => {
    const wide = { ...comparison, policies: Array(5).fill(comparison.policies[1]) } as Comparison;
    const lines = comparisonText(wide, false).split('\n');
    expect(
      Math.max(...lines.filter((line) => line.startsWith('│')).map(({ length }) => length)),
    ).toBeLessThan(141);
  });

  it('has colour only where it is asked for, and says the same without', () => {
    const coloured = comparisonText(comparison, true);
    expect(coloured).toContain('\u001b[32m');
    expect(coloured).toContain('\u001b[31m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour is made of them.
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(comparisonText(comparison, false));
  });
});

it('metrics on request have a row, and a formula, only where they are asked for', () => {
  const asked = {
    ...comparison,
    input: { ...comparison.input, requestedMetrics: ['llfree-score'] },
  };
  expect(comparisonText(comparison, false)).not.toContain('LLFree');
  expect(comparisonText(asked, false)).toContain('LLFree score, mean');
  expect(comparisonText(asked, false)).not.toMatch(/LLFree score, end|Johnstone/);
  expect(comparisonMarkdown(asked, '')).toContain('- **LLFree score, mean**: 100 * freeHuge');
});

it('the Markdown has the same table, the formulas, and the command that reproduces it', () => {
  const markdown = comparisonMarkdown(comparison, 'decpool compare --seeds 3');
  const [text, formulas] = markdown.split('## Formulas');
  expect(text).toMatchInlineSnapshot(`
    "# tiny: pool policies compared

    - input: tiny: Three buffers of a NIC.
    - requests: 3 allocations, 1 free, peak live 2,603 pages (10.2 MiB)
    - memory: fresh boot 64 MiB
    - platform: snp; a stray load_unaligned_zeropad() at a border is fixed up
    - seeds: 1, 2, 3: each a guess at where the free chunks lie; cells: median, and smallest..largest where they differ
    - baseline: gfp-decrypted
    - bounds: [2, 2 by an offline packing] blocks shared at peak for any policy that serves all requests; lower: max over time of ceil(live pages / 512), for blocks ever shared too
    - bounds: [5 block.s, 5 block.s by an offline packing] shared; lower: integral of ceil(live pages / 512) dt
    - lifetimes: mu = longest / shortest = 3 s / 2 s = 1.5; 1 never freed, counted up to the end of the trace
    - worst case: first-fit+block+immediate: blocks at peak 2.4942 (at least 2.45), block-s 4.5 (mu + 3), times the best for volumes, which need not be contiguous or aligned
    - worst case: gfp-decrypted: none known

    |                           | gfp-decrypted | first-fit+block+immediate |
    | :------------------------ | ------------: | ------------------------: |
    | 2M splits                 |             1 |                  0 -100 % |
    | 1G splits                 |             0 |                       0 = |
    | page-table pages          |             1 |                  0 -100 % |
    | DirectMap4k               |         4 MiB |               2 MiB -50 % |
    | DirectMap2M               |        60 MiB |             62 MiB +3.3 % |
    | DirectMap1G               |           0 B |                     0 B = |
    | blocks ever shared        |             3 |                       3 = |
    | blocks shared, peak       |             3 |                       3 = |
    | blocks shared, end        |             2 |                       2 = |
    | shared block-s            |     7 block.s |               7 block.s = |
    | mixed 2M ranges, peak     |             1 |                  0 -100 % |
    | mixed 2M ranges, end      |             0 |                       0 = |
    | conversions               |             3 |                       3 = |
    | pages converted           |         1,032 |               2,048 +98 % |
    | host calls                |             3 |                       3 = |
    | page-table passes         |             3 |                       3 = |
    | map entries changed       |            10 |                   4 -60 % |
    | pages zeroed              |         1,028 |               1,536 +49 % |
    | full TLB flushes          |             3 |                  6 +100 % |
    | ranged TLB flushes        |             4 |                  0 -100 % |
    | shared-idle, peak         |           0 B |              3.64 MiB new |
    | shared-idle, end          |           0 B |              1.66 MiB new |
    | shared-idle byte-s        |         0 B.s |            9.28 MiB.s new |
    | shared-idle, mean         |           0 B |              3.09 MiB new |
    | borders, end              |             1 |                       1 = |
    | internal fragmentation    |        41.3 % |              0 % -41.3 pt |
    | claims                    |             2 |                       2 = |
    | claims below 2 MiB        |             1 |                  0 -100 % |
    | failed requests           |             1 |                       1 = |
    | failed: too-large         |             1 |                       1 = |
    | host may see, end         |         4 MiB |                   4 MiB = |
    | blocks peak / lower bound |           1.5 |                     1.5 = |
    | block-s / lower bound     |           1.4 |                     1.4 = |

    ![splits, host calls and shared-idle memory by policy](comparison.svg)

    ## What to know

    - gfp-decrypted refused 1 request: its other figures are of less work
    - first-fit+block+immediate refused 1 request: its other figures are of less work
    - one of the buffers is more than the page allocator has in one piece
    - made up

    "
  `);
  for (const { metric } of comparison.policies[0].metrics) {
    const line = `- **${metric.label}**: ${metric.formula}\n`;
    expect(formulas.includes(line), metric.label).toBe(metric.shown === undefined);
  }
  expect(markdown.trimEnd().endsWith('Reproduce with `decpool compare --seeds 3`.')).toBe(true);
});

describe('a row', () => {
  const rowsOf = (label: string) => comparisonRows(comparison).find((row) => row.label === label)?.cells;

  it('judges a change by what is better for its metric', () => {
    expect(rowsOf('2M splits')?.[1]).toMatchObject({ change: '-100 %', isBetter: true });
    expect(rowsOf('shared-idle, end')?.[1]).toMatchObject({ change: 'new', isBetter: false });
    expect(rowsOf('DirectMap2M')?.[1]).not.toHaveProperty('isBetter');
    expect(rowsOf('1G splits')?.[1]).toEqual({ value: '0', change: '=' });
  });

  it('of a reason why requests fail is there only when one did', () => {
    expect(rowsOf('failed: too-large')?.map(({ value }) => value)).toEqual(['1', '1']);
    expect(rowsOf('failed: out-of-memory')).toBeUndefined();
  });

  it('has a range where seeds differ in what is printed', () => {
    const cellOf = (baseline: number[], other: number[]) => {
      const policies = [baseline, other].map((values, index) => ({
        ...comparison.policies[index],
        metrics: [{ ...comparison.policies[index].metrics[0], spread: spreadOf(values) }],
      }));
      return comparisonRows({ ...comparison, policies })[0].cells[1];
    };
    expect(cellOf([1, 1, 1], [4, 1, 2])).toEqual({
      value: '2',
      range: '1..4',
      change: '+100 %',
      isBetter: false,
    });
    expect(cellOf([1, 1, 1], [1, 1.01, 1])).toEqual({ value: '1', change: '=' });
  });
});

it('a policy that refused requests is noted first, for it had less to do', () => {
  expect(notesOf(comparison)).toEqual([
    'gfp-decrypted refused 1 request: its other figures are of less work',
    'first-fit+block+immediate refused 1 request: its other figures are of less work',
    'one of the buffers is more than the page allocator has in one piece',
    'made up',
  ]);
});

it('the JSON has every value of every seed, unrounded, under the ids of the metrics', () => {
  const results = JSON.parse(comparisonJson(comparison, 'decpool compare'));
  expect(results).toMatchObject({
    decpool: 'comparison',
    version: 2,
    command: 'decpool compare',
    seeds: [1, 2, 3],
    bounds: JSON.parse(JSON.stringify(comparison.bounds)),
    input: { requests: 4, requestsHash: comparison.requests },
  });
  for (const [index, policy] of comparison.policies.entries()) {
    expect(results.policies[index]).toMatchObject({ policy: policy.policy, isBaseline: index === 0 });
    expect(results.policies[index].runs).toEqual(policy.runs);
    for (const { metric, spread } of policy.metrics) {
      expect(results.policies[index].metrics[metric.id]).toEqual(spread);
    }
  }
});

it('the picture names every policy in full and tells its medians', () => {
  const svg = comparisonSvg(comparison);
  for (const { policy } of comparison.policies) expect(svg).toContain(`>${policy} *</text>`);
  expect(svg).toContain(
    '>tiny on snp, memory fresh boot 64 MiB; median of 3 seeds; grey: the baseline</text>',
  );
  expect(svg).toContain('>2M splits</text>');
});

it('the picture marks who refused requests, and nobody where all were served', () => {
  const mark = '* refused requests';
  expect(comparisonSvg(comparison)).toContain(mark);
  const policies = comparison.policies.map((policy) => withValue(policy, 'failures', 0));
  const served = comparisonSvg({ ...comparison, policies });
  for (const { policy } of policies) expect(served).toContain(`>${policy}</text>`);
  expect(served).not.toContain(mark);
});

it('a request that found no memory is noted with what the page source leaves out', () => {
  const reclaim = /^out of memory: the page source does not reclaim/;
  const noted = (compaction: boolean, refused: number) =>
    notesOf({
      ...comparison,
      input: { ...comparison.input, pageSource: { kernel: '6.x', perCpuLists: false, compaction } },
      policies: comparison.policies.map((policy) => withValue(policy, 'failures-out-of-memory', refused)),
    }).filter((note) => reclaim.test(note));
  expect(noted(false, 0)).toEqual([]);
  expect(noted(false, 3)).toEqual([expect.stringMatching(/; --compaction lets it move pages$/)]);
  expect(noted(true, 3)).toEqual([expect.not.stringContaining('--compaction')]);
});

describe('the head', () => {
  const told = (input: Partial<ComparisonInput>) =>
    headOf({ ...comparison, input: { ...comparison.input, ...input } });
  const mapping = () => {
    const [first] = comparison.input.workload.requests;
    if (first.kind !== 'allocate') throw new Error('the first request of the tiny comparison allocates');
    const request = { ...first, api: 'dma_map', pages: 1, bytes: 66 } as const;
    return { ...comparison.input.workload, requests: [request] };
  };

  it('tells of the boot pool of bounce buffers where the workload maps', () => {
    const bounce = (input: Partial<ComparisonInput>) =>
      told(input).flatMap(([label, text]) => (label === 'bounce' ? [text] : []));
    expect(bounce({})).toEqual([]);
    expect(bounce({ workload: mapping(), platform: platformNamed('none') })).toEqual([]);
    expect(bounce({ workload: mapping() })).toEqual([
      'a boot pool of 64 MiB for streaming maps, shared at boot under every policy and so in every column; the bounds and the ratios to them leave it out, but where a policy serves other requests from it',
    ]);
  });

  it('counts one as one', () => {
    const [, requests] = told({ workload: mapping() });
    expect(requests[1]).toMatch(/^1 allocation, 0 frees, /);
    const faults = { seed: 1, decrypt: 0.1, encrypt: 0, converted: 0, retries: 1 };
    const setting = (retries: number) => new Map(told({ faults: { ...faults, retries } })).get('setting');
    expect(setting(1)).toMatch(
      /^calls fail by chance, whatever their size: of set_memory_decrypted\(\) 10 %, .*; 1 retry$/,
    );
    expect(setting(2)).toMatch(/; 2 retries$/);
  });

  it('says of tdx that the kernel avoids the fatal read', () => {
    expect(new Map(told({ platform: platformNamed('tdx') })).get('platform')).toBe(
      'tdx; a stray load_unaligned_zeropad() at a border would be fatal; the kernel orders its changes so that there is none',
    );
  });
});

import { describe, expect, it } from 'vitest';
import { parseSharedExpression } from '../shared-expression.ts';
import { accountedLines, readLines } from '../testing.ts';
import { kernelEvents } from './kernel-events.ts';

const EVERYTHING = parseSharedExpression('order>=0');

describe('a line as kernels and tools print it', () => {
  it.each([
    [
      'tracefs with four latency flags and a field more',
      '<...>-22275 [006] ....   889.213383: mm_page_alloc: page=00000000d2be5665 pfn=970744 order=0 migratetype=0 nr_free=3650 gfp_flags=GFP_HIGHUSER|__GFP_ZERO',
      '<...>',
    ],
    [
      'tracefs without latency flags',
      'gnome-terminal-1567  [000]  4415.246506: mm_page_alloc: page=ffffea0003db9f40 pfn=1155800 order=0 migratetype=0 gfp_flags=GFP_KERNEL',
      'gnome-terminal',
    ],
    [
      'tracefs with five latency flags',
      '              dd-166     [000] .....     7.983856: mm_page_alloc: page=0000000062dcadab pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_NOFS|__GFP_NOWARN',
      'dd',
    ],
    [
      'perf script',
      'perf  6429 [000]    22.498450:             kmem:mm_page_alloc: page=0x176a17 pfn=1534487 order=0 migratetype=0 gfp_flags=GFP_KERNEL',
      'perf',
    ],
    [
      'trace-cmd report',
      '             cat-147   [000]     6.967541: mm_page_alloc:        page=0x102297 pfn=0x102297 order=0 migratetype=1 gfp_flags=GFP_KERNEL',
      'cat',
    ],
  ])('%s is understood', (_, text, owner) => {
    expect(kernelEvents.recognises(text)).toBe(true);
    const { requests, sanity } = readLines(kernelEvents, [text], { shared: EVERYTHING });
    expect(requests).toMatchObject([{ kind: 'allocate', api: 'alloc_pages', owner, time: 0 }]);
    expect(sanity.unparsed.count).toBe(0);
  });

  /** Recorded by others, from public logs: a realm of Arm CCA, a RISC-V board, an x86 guest of Linux 6.18 or later. */
  it.each([
    [
      'keybroker-app-143     [000] b..2.  1772.607321: swiotlb_bounced: dev_name: 0000:00:00.0 dma_mask=ffffffffffffffff dev_addr=80b6717e size=66 FORCE',
      { bytes: 66, owner: '0000:00:00.0' },
    ],
    [
      'disp_eng_share_-1439    [000] .....   197.644246: swiotlb_bounced: dev_name: d4280800.sdh dma_mask=ffffffff dev_addr=ffffffffffffffff size=4 NORMAL',
      { bytes: 4, owner: 'd4280800.sdh' },
    ],
    [
      '          insmod-1871    [002] .....   285.655295: swiotlb_bounced: dev_name: 0000:00:0a.0 dma_mask=ffffffff dev_addr=17c407000 size=256 NORMAL',
      { bytes: 256, owner: '0000:00:0a.0', cpu: 2 },
    ],
  ])('is a streaming mapping, too: %j', (text, request) => {
    expect(kernelEvents.recognises(text)).toBe(true);
    const { requests } = readLines(kernelEvents, [text]);
    expect(requests).toMatchObject([{ api: 'dma_map', pages: 1, ...request }, { kind: 'free' }]);
  });
});

it('ignores what tells nothing new, by kind, and accounts for every line', () => {
  const lines = [
    'version = 7',
    'cpus=2',
    '# tracer: nop',
    '# entries-in-buffer/entries-written: 100/107   #P:2',
    '',
    ' rm-1070 [001] ...2. 75.234480: mm_page_alloc: page=1 pfn=0x1df86 order=0 migratetype=1 gfp_flags=GFP_KERNEL',
    ' rm-1070 [001] ...2. 75.234488: mm_page_free_batched: page=00000000de427715 pfn=0x1df86 order=0',
    ' rm-1070 [001] ..... 75.234534: mm_page_free: page=00000000a93119cc pfn=0x1df86 order=0',
    ' rm-1070 [001] d..3. 79.235870: mm_page_alloc_extfrag: page=1 pfn=0x19000 alloc_order=0 fallback_order=10',
    ' rm-1070 [001] d..3. 79.235871: <stack trace>',
    ' => __alloc_pages',
    '\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])',
    'CPU:1 [LOST 3 EVENTS]',
    'what?',
  ];
  const { requests, sanity, notes } = readLines(kernelEvents, lines);
  expect(requests.map((request) => request.kind)).toEqual(['background-allocate', 'background-free']);
  expect(sanity.ignored).toEqual({
    comments: 3,
    'reports of lost events': 2,
    'blank lines': 1,
    mm_page_free_batched: 1,
    mm_page_alloc_extfrag: 1,
    'stack trace lines': 3,
  });
  expect(sanity.unparsed).toEqual({
    count: 1,
    first: [{ line: 14, text: 'what?', reason: expect.stringContaining('not a line of tracefs') }],
  });
  expect(notes).toEqual([expect.stringContaining('10 events were lost')]);
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('notes what --shared chooses, events that were lost, and at the end flags that no allocation has', () => {
  const lines = [
    'CPU:1 [LOST 3 EVENTS]',
    ' dd-166 [000] ..... 7.983856: mm_page_alloc: page=1 pfn=0x1 order=8 migratetype=0 gfp_flags=GFP_KERNEL',
  ];
  const notesOn = (shared: string) =>
    readLines(kernelEvents, lines, { shared: parseSharedExpression(shared) }).notes;
  const notes = (shared: string) => [
    `Requests are the allocations with ${shared}. Other pages are background.`,
    expect.stringMatching(/^3 events were lost/),
  ];
  expect(notesOn('order=8')).toEqual(notes('order=8'));
  expect(notesOn('gfp~GFP_X')).toEqual([
    ...notes('gfp~GFP_X'),
    expect.stringMatching(/^No allocation of the trace has the gfp flag GFP_X\./),
  ]);
});

it('does not take filling, or events that say nothing of memory, for its format', () => {
  for (const text of [
    '# tracer: nop',
    'a 1 0',
    ' a-1 [001] ..... 1.0: sched_switch: prev_comm=a',
    '{"t":1}',
  ]) {
    expect(kernelEvents.recognises(text)).toBe(false);
  }
});

it('reads a hostile line in no more time than its length', () => {
  const lines = [
    '-1 '.repeat(300_000),
    `a-1${' '.repeat(900_000)}`,
    `a 1 [0] ${'9'.repeat(900_000)}.0: a:b: c`,
  ];
  const { sanity } = readLines(kernelEvents, lines);
  expect(sanity.unparsed.count).toBe(3);
});

import { describe, expect, it } from 'vitest';
import { accountedLines, readLines } from '../testing.ts';
import { TraceRequests } from '../trace-requests.ts';
import { dmaTrace } from './dma-trace.ts';

const DIRECT_MAP = 0xffff888000000000n;
const event = (task: string, seconds: string, text: string) =>
  `    ${task}      [000] .....     ${seconds}: ${text}`;
const address = (pfn: number) => `0x${(DIRECT_MAP + BigInt(pfn) * 4096n).toString(16)}`;
const cohalloc = (task: string, seconds: string, device: string, size: number) =>
  event(task, seconds, `cohalloc: (dma_alloc_attrs+0x0/0x60) dev="${device}" size=${size}`);
const cohallocr = (task: string, seconds: string, pointer: string) =>
  event(
    task,
    seconds,
    `cohallocr: (nvme_alloc_queue+0x5a/0x170 [nvme] <- dma_alloc_attrs) cpu_addr=${pointer}`,
  );
const setdec = (task: string, seconds: string, pfn: number, pages: number) =>
  event(task, seconds, `setdec: (set_memory_decrypted+0x0/0x50) addr=${address(pfn)} npages=${pages}`);
const setenc = (task: string, seconds: string, pfn: number, pages: number) =>
  event(task, seconds, `setenc: (set_memory_encrypted+0x0/0x50) addr=${address(pfn)} npages=${pages}`);
const stack = (task: string, seconds: string, ...frames: string[]) => [
  event(task, seconds, '<stack trace>'),
  ...['kprobe_trace_func', '0xffffffffc02060c8', 'set_memory_decrypted', 'dma_direct_alloc', ...frames].map(
    (frame) => ` => ${frame}`,
  ),
];

it('makes a request of a conversion, the call it serves and the stack below it', () => {
  const lines = [
    cohalloc('a b-1', '1.000000', '0000:00:05.0', 6726),
    setdec('a b-1', '1.000010', 0x100000, 2),
    ...stack('a b-1', '1.000020', 'vring_alloc_queue_split', 'setup_vq'),
    cohallocr('a b-1', '1.000030', address(0x100000)),
    setenc('c-2', '1.000110', 0x100000, 2),
  ];
  const { requests, sanity } = readLines(dmaTrace, lines);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'dma_alloc_coherent',
      pages: 2,
      bytes: 6726,
      owner: '0000:00:05.0 vring_alloc_queue_split',
    },
    { kind: 'free', time: 100_000, allocation: 1 },
  ]);
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('keeps apart what two tasks do at one time', () => {
  const { requests } = readLines(dmaTrace, [
    cohalloc('a-1', '1.000000', 'dev-a', 512),
    cohalloc('b-2', '1.000001', 'dev-b', 1024),
    setdec('b-2', '1.000002', 20, 1),
    setdec('a-1', '1.000003', 10, 1),
    ...stack('b-2', '1.000004', 'for_b'),
    ...stack('a-1', '1.000005', 'for_a'),
  ]);
  expect(requests).toMatchObject([
    { owner: 'dev-b for_b', bytes: 1024 },
    { owner: 'dev-a for_a', bytes: 512 },
  ]);
});

it('keeps each conversion on its own CPU', () => {
  const on = (cpu: number, text: string) => text.replace('[000]', `[00${cpu}]`);
  const { requests } = readLines(dmaTrace, [
    on(3, setdec('a-1', '1.000000', 10, 1)),
    on(1, setdec('b-2', '1.000001', 20, 1)),
    on(2, setenc('b-2', '1.000002', 10, 1)),
    on(0, event('b-2', '1.000003', 'sched_switch: prev_comm=b')),
  ]);
  expect(requests).toMatchObject([{ cpu: 3 }, { cpu: 1 }, { kind: 'free', cpu: 2 }]);
});

it('finds the stack of each conversion in a file of many, without keeping all of them', () => {
  const lines = Array.from({ length: 5000 }, (_, i) => [
    setdec(`a-${i % 7}`, `1.${String(i * 2).padStart(6, '0')}`, i, 1),
    ...stack(`a-${i % 7}`, `1.${String(i * 2 + 1).padStart(6, '0')}`, `driver_${i}`),
  ]).flat();
  const { requests, sanity } = readLines(dmaTrace, lines);
  expect(requests.map((request) => ('owner' in request ? request.owner : ''))).toEqual(
    Array.from({ length: 5000 }, (_, i) => `driver_${i}`),
  );
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('makes the first 1000 of 2000 conversions requests: stack traces come at most 1000 conversions later', () => {
  const into = new TraceRequests();
  const reader = dmaTrace.reader(into, 'trace', {});
  const after: number[] = [];
  for (let i = 0; i < 3000; i++) {
    reader.read(setdec(`a-${i}`, `1.${String(i).padStart(6, '0')}`, i, 1));
    after.push(into.report().requests);
  }
  const changes = after.flatMap((count, i) => (count === (after[i - 1] ?? 0) ? [] : [[i + 1, count]]));
  expect(changes).toEqual([
    [2000, 1000],
    [3000, 2000],
  ]);
  reader.end();
  expect(into.report().requests).toBe(3000);
});

it('does not give a stack trace to a conversion when it belongs to a later event of the task', () => {
  const { requests } = readLines(dmaTrace, [
    setdec('a-1', '1.000000', 10, 1),
    event('a-1', '1.000001', 'sched_switch: prev_comm=a'),
    ...stack('a-1', '1.000002', 'schedule'),
  ]);
  expect(requests).toMatchObject([{ owner: 'unknown caller' }]);
});

it('does not carry the size of a call that has returned over to a later conversion', () => {
  const { requests, sanity } = readLines(dmaTrace, [
    cohalloc('a-1', '1.000000', '0000:00:05.0', 4096),
    cohallocr('a-1', '1.000001', address(1)),
    setdec('a-1', '1.000002', 10, 2),
    ...stack('a-1', '1.000003', 'vmbus_open'),
  ]);
  expect(requests).toMatchObject([{ api: 'alloc_pages_exact', bytes: 8192, owner: 'vmbus_open' }]);
  expect(sanity.ignored).toMatchObject({ 'cohalloc served elsewhere': 1 });
});

describe('the address of a conversion', () => {
  const converted = (
    call: 'set_memory_decrypted' | 'set_memory_encrypted',
    seconds: string,
    fields: string,
  ) =>
    event(
      'a-1',
      seconds,
      `${call === 'set_memory_decrypted' ? 'setdec' : 'setenc'}: (${call}+0x0/0x50) ${fields}`,
    );
  const pairAt = (address: string, pages: number, more = '') => [
    converted('set_memory_decrypted', '1.000000', `addr=${address} npages=${pages}${more}`),
    converted('set_memory_encrypted', '1.000100', `addr=${address} npages=${pages}${more}`),
  ];

  it.each([
    ['5-level paging', '0xff11000104a31000'],
    ['arm64 with 48 bits', '0xffff00000a2c0000'],
    ['arm64 with 52 bits', '0xfff000000a2c0000'],
  ])('needs no base: %s', (_, address) => {
    const { requests, sanity, notes } = readLines(dmaTrace, pairAt(address, 3));
    expect(requests).toMatchObject([
      { api: 'alloc_pages_exact', pages: 3 },
      { kind: 'free', allocation: 1 },
    ]);
    expect(sanity.unparsed.count).toBe(0);
    expect(notes).toEqual([]);
  });

  it('of a vmalloc area makes a vmalloc request, such as the receive buffer of netvsc', () => {
    const { requests } = readLines(dmaTrace, pairAt('0xffffc90001a01000', 4096));
    expect(requests).toMatchObject([
      { api: 'vmalloc', pages: 4096, bytes: 4096 * 4096 },
      { kind: 'free', time: 100_000, allocation: 1 },
    ]);
  });

  it('under KASLR is a vmalloc area if vmalloc_base says so; without it the assumption is counted', () => {
    const area = '0xffffae8fc0a01000';
    const known = readLines(dmaTrace, pairAt(area, 255, ' vmalloc_base=0xffffae8fc0000000'));
    expect(known.requests).toMatchObject([{ api: 'vmalloc', pages: 255 }, { kind: 'free' }]);
    expect(known.notes).toEqual([]);
    const unknown = readLines(dmaTrace, pairAt(area, 255));
    expect(unknown.requests).toMatchObject([{ api: 'alloc_pages_exact' }, { kind: 'free' }]);
    expect(unknown.notes).toEqual([expect.stringMatching(/^1 converted buffers.*vmalloc_base/)]);
    const called = [cohalloc('a-1', '0.900000', 'eth0', 255 * 4096), ...pairAt(area, 255)];
    expect(readLines(dmaTrace, called)).toMatchObject({
      requests: [{ api: 'dma_alloc_coherent' }, {}],
      notes: [],
    });
  });
});

/** As `trace-cmd report` and `perf script` print the kernel's own format: "(%lx) addr=0x%Lx npages=%d" (kernel/trace/trace_kprobe.c). */
describe('the probes', () => {
  const ADDRESS = '0xffff88810dabf000';
  const TEXTS = {
    tracefs: [
      '    kworker/u4:1-25      [000] .....     7.420449: cohalloc: (dma_alloc_attrs+0x0/0x60) dev="0000:00:05.0" size=512',
      `    kworker/u4:1-25      [000] .....     7.421072: setdec: (set_memory_decrypted+0x0/0x50) addr=${ADDRESS} npages=1`,
      '    kworker/u4:1-25      [000] .....     7.422386: <stack trace>',
      ' => 0xffffffffc02060c8',
      ' => set_memory_decrypted',
      ' => dma_direct_alloc',
      ' => nvme_alloc_queue',
      `    kworker/u4:1-25      [000] .....     7.423306: cohallocr: (nvme_alloc_queue+0x5a/0x170 [nvme] <- dma_alloc_attrs) cpu_addr=${ADDRESS}`,
      `    kworker/u4:1-25      [000] .....     8.421072: setenc: (set_memory_encrypted+0x0/0x50) addr=${ADDRESS} npages=1`,
    ],
    'trace-cmd report': [
      'cpus=2',
      '    kworker/u4:1-25    [000]     7.420449: cohalloc:             (ffffffff811a0e10) dev="0000:00:05.0" size=512',
      `    kworker/u4:1-25    [000]     7.421072: setdec:               (ffffffff81080a50) addr=${ADDRESS} npages=1`,
      '    kworker/u4:1-25    [000]     7.422386: kernel_stack:         <stack trace >',
      '=> ffffffffc02060c8',
      '=> set_memory_decrypted (ffffffff81080a55)',
      '=> dma_direct_alloc (ffffffff811a1c2f)',
      '=> nvme_alloc_queue (ffffffffc01d45aa)',
      `    kworker/u4:1-25    [000]     7.423306: cohallocr:            (ffffffffc01d45aa <- ffffffff811a0e10) cpu_addr=${ADDRESS}`,
      `    kworker/u4:1-25    [000]     8.421072: setenc:               (ffffffff81080ab0) addr=${ADDRESS} npages=1`,
    ],
    'perf script': [
      'kworker/u4:1    25 [000]     7.420449: kprobes:cohalloc: (ffffffff811a0e10) dev="0000:00:05.0" size=512',
      '',
      `kworker/u4:1    25 [000]     7.421072: kprobes:setdec: (ffffffff81080a50) addr=${ADDRESS} npages=1`,
      '\tffffffff81080a51 set_memory_decrypted+0x1 ([kernel.kallsyms])',
      '\tffffffff811a1c2f dma_direct_alloc+0x1bf ([kernel.kallsyms])',
      '\tffffffffc01d45aa nvme_alloc_queue+0x5a ([kernel.kallsyms])',
      '',
      `kworker/u4:1    25 [000]     7.423306: kprobes:cohallocr: (ffffffffc01d45aa <- ffffffff811a0e10) cpu_addr=${ADDRESS}`,
      '',
      `kworker/u4:1    25 [000]     8.421072: kprobes:setenc: (ffffffff81080ab0) addr=${ADDRESS} npages=1`,
    ],
    'perf probe': [
      'kworker/u4:1    25 [000]     7.420449: kprobes:cohalloc: (ffffffff811a0e10) dev="0000:00:05.0" size=512',
      `kworker/u4:1    25 [000]     7.421072: probe:set_memory_decrypted: (ffffffff81080a50) addr=${ADDRESS} npages=0x1`,
      '\tffffffffc01d45aa nvme_alloc_queue+0x5a ([kernel.kallsyms])',
      `kworker/u4:1    25 [000]     8.421072: probe:set_memory_encrypted: (ffffffff81080ab0) addr=${ADDRESS} npages=0x1`,
    ],
  };

  it.each(Object.entries(TEXTS))('give the same requests as text of %s', (_, lines) => {
    expect(lines.some(dmaTrace.recognises)).toBe(true);
    const { requests, sanity } = readLines(dmaTrace, lines);
    expect(requests).toEqual([
      {
        kind: 'allocate',
        time: 0,
        allocation: 1,
        api: 'dma_alloc_coherent',
        pages: 1,
        bytes: 512,
        owner: '0000:00:05.0 nvme_alloc_queue',
      },
      { kind: 'free', time: 1_000_000_000, allocation: 1 },
    ]);
    expect(sanity.unparsed.count).toBe(0);
    expect(accountedLines(sanity)).toBe(lines.length);
  });
});

it('counts a call that returned no memory as failed', () => {
  const lines = [cohalloc('a-1', '1.000000', '0000:00:05.0', 4096), cohallocr('a-1', '1.000001', '0x0')];
  const { requests, sanity } = readLines(dmaTrace, lines);
  expect(requests).toEqual([]);
  expect(sanity).toMatchObject({ failedAllocations: 1, ignored: { 'cohalloc that failed': 1 } });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('counts calls without a conversion: one that another call follows, one that never returns, a return of none', () => {
  const lines = [
    cohalloc('a-1', '1.000000', '0000:00:05.0', 512),
    cohalloc('a-1', '1.000001', '0000:00:05.0', 1024),
    setdec('a-1', '1.000002', 10, 1),
    cohalloc('b-2', '1.000003', '0000:00:05.0', 512),
    cohallocr('c-3', '1.000004', '0x0'),
    event('a-1', '1.000005', 'cohfree: (f+0x0/0x50) cpu_addr=0x0'),
    event('a-1', '1.000006', `cohfree: (f+0x0/0x50) cpu_addr=${address(10)}`),
    event('a-1', '1.000007', `cohfree: (f+0x0/0x50) cpu_addr=${address(11)}`),
  ];
  const { requests, sanity } = readLines(dmaTrace, lines);
  expect(requests).toMatchObject([{ bytes: 1024 }]);
  expect(sanity.failedAllocations).toBe(0);
  expect(sanity.ignored).toEqual({
    'cohalloc served elsewhere': 2,
    'cohalloc (size of a setdec)': 1,
    cohallocr: 1,
    'cohfree of 0x0': 1,
    cohfree: 2,
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('has no kinds of lines that did not come', () => {
  expect(readLines(dmaTrace, [setdec('a-1', '1.000000', 10, 1)]).sanity.ignored).toEqual({});
});

it('counts lost events, and says what they do to the result', () => {
  const header = '# entries-in-buffer/entries-written: 1000/1005   #P:2';
  const lines = [header, 'CPU:1 [LOST 3 EVENTS]', 'CPU:0 [EVENTS DROPPED]', setdec('a-1', '1.000000', 10, 1)];
  const { notes, sanity } = readLines(dmaTrace, lines);
  expect(sanity).toMatchObject({
    lostEvents: 8,
    ignored: { 'reports of lost events': 3 },
    unparsed: { count: 0 },
  });
  expect(accountedLines(sanity)).toBe(lines.length);
  expect(notes).toEqual([
    expect.stringMatching(
      /^8 events were lost while recording\. Their number is not known in 1 more reports.*live pages and lifetimes are wrong/,
    ),
  ]);
  expect(readLines(dmaTrace, [header.replace('1000', '1005')]).notes).toEqual([]);
});

it.each([
  ['a line cut off', '    ip-250      [000] .....     7.42', 'TASK-PID'],
  [
    'a conversion without a range',
    event('a-1', '1.000000', 'setdec: (set_memory_decrypted+0x0/0x50)'),
    'npages=N',
  ],
  [
    'an address that is none of the kernel',
    event('a-1', '1.000000', 'setdec: (f+0x0/0x50) addr=0x00007f0000000000 npages=1'),
    'kernel address',
  ],
  ['a return without a pointer', event('a-1', '1.000000', 'cohallocr: (f <- g)'), 'cpu_addr='],
  ['a module without a name', event('a-1', '1.000000', 'module_free: ?'), 'name of a module'],
  ['a call without a size', event('a-1', '1.000000', 'cohalloc: (dma_alloc_attrs+0x0/0x60)'), 'size=BYTES'],
])('does not understand %s, and says what would be right', (_, text, reason) => {
  const { requests, sanity } = readLines(dmaTrace, [text]);
  expect(requests).toEqual([]);
  expect(sanity.unparsed).toEqual({
    count: 1,
    first: [{ line: 1, text, reason: expect.stringContaining(reason) }],
  });
});

it.each(['0', '0x0', '1e1', '0x1g', '0x100000', '1048576'])(
  'does not understand %j as a number of pages',
  (count) => {
    const { sanity } = readLines(dmaTrace, [
      event('a-1', '1.000000', `setdec: (f+0x0/0x50) addr=${address(1)} npages=${count}`),
    ]);
    expect(sanity.unparsed.first).toMatchObject([{ reason: expect.stringContaining('npages=N') }]);
  },
);

describe('modules that were unloaded', () => {
  const unload = (module: string) => event('rmmod-9', '2.000000', `module_free: ${module}`);
  const notesOn = (...lines: string[]) =>
    readLines(dmaTrace, [setdec('a-1', '1.000000', 10, 1), ...lines]).notes;

  it('are named in a note, because their functions can have wrong names', () => {
    expect(notesOn(unload('nvme'), unload('e1000'), unload('nvme'))).toEqual([
      'Modules were unloaded while recording: nvme, e1000. Names of their functions, which are part of owners, can be wrong.',
    ]);
    expect(notesOn(unload('nvme'))).toEqual([expect.stringContaining(': nvme. Names')]);
    expect(notesOn()).toEqual([]);
    const { sanity } = readLines(dmaTrace, [unload('nvme')]);
    expect(sanity.ignored).toEqual({ module_free: 1 });
  });

  it('are not all named if they are many', () => {
    const names = Array.from({ length: 100 }, (_, number) => `module_${number}`);
    const note =
      'module_0, module_1, module_2, module_3, module_4, module_5, module_6, module_7, module_8, module_9';
    expect(notesOn(...names.slice(0, 10).map(unload))).toEqual([expect.stringContaining(`${note}. Names`)]);
    expect(notesOn(...names.slice(0, 11).map(unload))).toEqual([
      expect.stringContaining(`${note} and more.`),
    ]);
    expect(notesOn(...names.map(unload))).toEqual([
      expect.stringContaining('module_8, module_9 and more. Names'),
    ]);
  });
});

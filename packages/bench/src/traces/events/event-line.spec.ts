import { describe, expect, it } from 'vitest';
import { parseStackFrame, parseTraceEvent } from './event-line.ts';

describe('a line of tracefs', () => {
  it.each([
    [
      'five latency flags',
      '    kworker/u4:1-25      [000] d..1.     7.421072: setdec: addr=0x1',
      'kworker/u4:1-25',
    ],
    ['four latency flags', '  <...>-22275 [006] ....   7.421072: setdec: addr=0x1', '<...>-22275'],
    ['no latency flags', 'gnome-terminal-1567  [000]     7.421072: setdec: addr=0x1', 'gnome-terminal-1567'],
    ['a thread group', '   make-12 (  10) [001] .....  7.421072: setdec: addr=0x1', 'make-12'],
    ['an unknown thread group', '   make-12 (-----) [001] .....  7.421072: setdec: addr=0x1', 'make-12'],
    [
      'spaces in the task name',
      '  Web Content 2-77 [001] ..... 7.421072: setdec: addr=0x1',
      'Web Content 2-77',
    ],
    [
      'dashes and colons in the task name',
      ' irq/30-nvme0q-1:x-99 [001] ..... 7.421072: setdec: addr=0x1',
      'irq/30-nvme0q-1:x-99',
    ],
  ])('may have %s', (_, text, task) => {
    expect(parseTraceEvent(text)).toMatchObject({
      task,
      at: 7_421_072_000n,
      event: 'setdec',
      fields: 'addr=0x1',
    });
  });

  it('may announce a stack trace', () => {
    expect(parseTraceEvent('  ip-250  [001] .....     7.422386: <stack trace>')).toMatchObject({
      task: 'ip-250',
      event: '<stack trace>',
    });
  });

  it.each([
    '# tracer: nop',
    '# cmdline : perf record',
    '\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])',
    'dd 7525 [000] soon: kmem:mm_page_alloc: pfn=1',
    ' dd-7525 [000] ..... 1234567890123.5: setdec: addr=0x1',
    '',
    ' => kthread',
    'a 1 0',
  ])('is not %j', (text) => {
    expect(parseTraceEvent(text)).toBeUndefined();
  });
});

it.each([
  ['perf  6429 [000]    22.498450:             kmem:mm_page_alloc: pfn=1', 'perf-6429'],
  ['       perf-exec  7485 [000]    22.498450: kmem:mm_page_alloc: pfn=1', 'perf-exec-7485'],
  ['dd  7525/7526 [000]    22.498450: kmem:mm_page_alloc: pfn=1', 'dd-7526'],
  ['Web Content 2  77 [001]    22.498450: kmem:mm_page_alloc: pfn=1', 'Web Content 2-77'],
  ['dd  7525    22.498450: kmem:mm_page_alloc: pfn=1', 'dd-7525'],
  ['dd  7525 [000]    22.498450:          1 kmem:mm_page_alloc: pfn=1', 'dd-7525'],
])('%j is an event of perf script', (text, task) => {
  expect(parseTraceEvent(text)).toMatchObject({
    task,
    at: 22_498_450_000n,
    event: 'mm_page_alloc',
    fields: 'pfn=1',
  });
});

it.each([
  [
    'trace-cmd report -l, of a 6.1 kernel',
    '   xargs-7140    1.....   325.506040: mm_page_alloc:        page=0xffffffff8243b333 pfn=0x25c03 order=0',
    { task: 'xargs-7140', cpu: 1, at: 325_506_040_000n },
  ],
  [
    'tracefs with latency-format',
    '      dd-166       0d..1. 7983us : mm_page_alloc: page=00000000d2be5665 pfn=0x25c03 order=0',
    { task: 'dd-166', cpu: 0, at: 7_983_000n },
  ],
  [
    'tracefs with latency-format, after a delay',
    ' kworker/-25        12.N.1. 12345us!: mm_page_alloc: page=00000000d2be5665 pfn=0x25c03 order=0',
    { task: 'kworker/-25', cpu: 12, at: 12_345_000n },
  ],
])('the latency format is read: %s', (_, text, expected) => {
  expect(parseTraceEvent(text)).toMatchObject({ event: 'mm_page_alloc', ...expected });
});

it('a stack frame names its function, without offset and module', () => {
  expect(parseStackFrame(' => nvme_alloc_queue')).toBe('nvme_alloc_queue');
  expect(parseStackFrame(' => nvme_alloc_queue+0x5a/0x170 [nvme]')).toBe('nvme_alloc_queue');
  expect(parseStackFrame('\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])')).toBe('__alloc_pages');
  expect(parseStackFrame('\t           d4ad7 execve+0x7 (/lib/x86_64-linux-gnu/libc.so.6)')).toBe('execve');
  expect(parseStackFrame('nvme_alloc_queue')).toBeUndefined();
  expect(parseStackFrame('dd 7525')).toBeUndefined();
});

it.each([
  ['  <...>-22275 [006] ....   7.421072: setdec: addr=0x1', 6],
  ['dd  7525/7526 [011]    22.498450: kmem:mm_page_alloc: pfn=1', 11],
  ['dd  7525    22.498450: kmem:mm_page_alloc: pfn=1', 0],
])('%j is of CPU %i', (text, cpu) => {
  expect(parseTraceEvent(text)?.cpu).toBe(cpu);
});

import { describe, expect, it } from 'vitest';
import { missingEntries, parseStackFrame, parseTracefsEvent } from './tracefs.ts';

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
    expect(parseTracefsEvent(text)).toEqual({
      task,
      at: 7_421_072_000n,
      event: 'setdec',
      fields: 'addr=0x1',
    });
  });

  it('may announce a stack trace', () => {
    expect(parseTracefsEvent('  ip-250  [001] .....     7.422386: <stack trace>')).toMatchObject({
      task: 'ip-250',
      event: '<stack trace>',
    });
  });

  it.each([
    '# tracer: nop',
    '',
    ' => kthread',
    'perf 6429 [000] 22.498450: kmem:mm_page_free: pfn=1',
    'a 1 0',
  ])('is not %j', (text) => {
    expect(parseTracefsEvent(text)).toBeUndefined();
  });
});

it('a stack frame names its function, without offset and module', () => {
  expect(parseStackFrame(' => nvme_alloc_queue')).toBe('nvme_alloc_queue');
  expect(parseStackFrame(' => nvme_alloc_queue+0x5a/0x170 [nvme]')).toBe('nvme_alloc_queue');
  expect(parseStackFrame('nvme_alloc_queue')).toBeUndefined();
});

it('the header and marks of lost events tell how many entries are missing', () => {
  expect(missingEntries('# entries-in-buffer/entries-written: 37070/37070   #P:2')).toBe(0);
  expect(missingEntries('# entries-in-buffer/entries-written: 1000/37070   #P:2')).toBe(36_070);
  expect(missingEntries('CPU:1 [LOST 12 EVENTS]')).toBe(12);
  expect(missingEntries('# tracer: nop')).toBeUndefined();
});

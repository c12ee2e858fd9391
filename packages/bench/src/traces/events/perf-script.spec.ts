import { expect, it } from 'vitest';
import { isPerfFrame, parsePerfEvent } from './perf-script.ts';

it.each([
  ['perf  6429 [000]    22.498450:             kmem:mm_page_alloc: pfn=1', 'perf-6429'],
  ['       perf-exec  7485 [000]    22.498450: kmem:mm_page_alloc: pfn=1', 'perf-exec-7485'],
  ['dd  7525/7526 [000]    22.498450: kmem:mm_page_alloc: pfn=1', 'dd-7526'],
  ['Web Content 2  77 [001]    22.498450: kmem:mm_page_alloc: pfn=1', 'Web Content 2-77'],
  ['dd  7525    22.498450: kmem:mm_page_alloc: pfn=1', 'dd-7525'],
  ['dd  7525 [000]    22.498450:          1 kmem:mm_page_alloc: pfn=1', 'dd-7525'],
])('%j is an event', (text, task) => {
  expect(parsePerfEvent(text)).toEqual({
    task,
    at: 22_498_450_000n,
    event: 'mm_page_alloc',
    fields: 'pfn=1',
  });
});

it.each([
  '',
  '# cmdline : perf record',
  '\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])',
  ' dd-166 [000] ..... 7.983856: mm_page_alloc: pfn=1',
  'dd 7525 [000] soon: kmem:mm_page_alloc: pfn=1',
])('%j is none', (text) => {
  expect(parsePerfEvent(text)).toBeUndefined();
});

it('a frame of a call graph is an address and a function, indented', () => {
  expect(isPerfFrame('\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])')).toBe(true);
  expect(isPerfFrame('\t           d4ad7 execve+0x7 (/lib/x86_64-linux-gnu/libc.so.6)')).toBe(true);
  expect(isPerfFrame('dd 7525')).toBe(false);
});

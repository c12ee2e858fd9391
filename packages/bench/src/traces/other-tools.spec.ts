import { expect, it } from 'vitest';
import { adviceOn } from './other-tools.ts';
import { TRACE_FORMATS } from './registry.ts';

it.each([
  ['bpftrace', 'Attaching 2 probes...', 'bpftrace'],
  [
    'perf trace',
    '     0.000 dd/166 kmem:mm_page_alloc(pfn: 1534487, order: 0, gfp_flags: GFP_KERNEL)',
    'perf script',
  ],
  ['perf trace', '     0.123 (         ): dd/166 kmem:kfree(call_site: 0x1, ptr: 0x2)', 'perf script'],
  [
    'the function_graph tracer',
    ' 0)               |  /* mm_page_alloc: page=00000000d2be5665 pfn=0x25c03 order=0 migratetype=0 gfp_flags=GFP_KERNEL */',
    'echo nop > current_tracer',
  ],
  [
    'the function_graph tracer',
    ' 1)   0.264 us    |      } /* __alloc_pages */',
    'echo nop > current_tracer',
  ],
  [
    'a counting clock',
    '           <...>-22275 [006] d..2. 3912345678: mm_page_alloc: page=1 pfn=0x25c03 order=0',
    'trace_clock',
  ],
  ['perf script without comm', '  7525 [000]   338.306014: kmem:mm_page_alloc: page=0x1 pfn=0x1', '-F comm'],
  ['perf script without comm and tid', '[000]   338.306014: kmem:mm_page_alloc: page=0x1 pfn=0x1', '-F comm'],
  [
    'perf script without comm and cpu',
    '  7525   338.306014: kmem:mm_page_alloc: page=0x1 pfn=0x1',
    '-F comm',
  ],
  ['no time', '           dd-166 [006] d..2. mm_page_alloc: page=1 pfn=0x25c03 order=0', 'no time'],
])('%s is not read: %j needs one change', (_, text, advice) => {
  expect(TRACE_FORMATS.some(({ recognises }) => recognises(text))).toBe(false);
  expect(adviceOn(['# tracer: nop', text])).toEqual({ line: 2, advice: expect.stringContaining(advice) });
});

it('there is some on lines of up to 4096 characters', () => {
  const line = (length: number) => `[000] 338.306014: kmem:kfree: ${'x'.repeat(length)}`.slice(0, length);
  expect(adviceOn([line(4096)])).toMatchObject({ line: 1 });
  expect(adviceOn([line(4097)])).toBeUndefined();
});

it('there is none on other text, or on lines of the formats themselves', () => {
  expect(adviceOn(['seq,op', '', '# a comment', 'what?', 'x'.repeat(1 << 20)])).toBeUndefined();
  expect(adviceOn(TRACE_FORMATS.map(({ example }) => example))).toBeUndefined();
});

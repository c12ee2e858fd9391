import { expect, it } from 'vitest';
import { TRACE_FORMATS } from './registry.ts';

it('--shared chooses among page allocations: only the events of a kernel have these', () => {
  const taking = TRACE_FORMATS.filter(({ takesShared }) => takesShared);
  expect(taking.map(({ name }) => name)).toEqual(['kernel-events']);
});

it('each format recognises its example, and no format of another program does', () => {
  for (const { name, example } of TRACE_FORMATS) {
    const found = TRACE_FORMATS.filter(({ recognises }) => recognises(example));
    expect(found[0]?.name, example).toBe(name);
  }
});

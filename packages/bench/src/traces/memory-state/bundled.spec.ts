import { InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { bundledStates, memoryStatePath } from './bundled.ts';
import { readMemoryState } from './memory-state.ts';

it('a bundled memory state is found by its short name', () => {
  expect(bundledStates()).toContain('k73/fresh-mix-1');
  expect(readMemoryState(memoryStatePath('k73/fresh-mix-1')).memory.name).toContain('7.3.4+deb13-amd64');
});

it('any other name is a path', () => {
  expect(memoryStatePath('k73/none')).toBe('k73/none');
  expect(memoryStatePath('packages')).toBe('packages');
  expect(() => readMemoryState(memoryStatePath('k73/none'))).toThrow(InputError);
});

import { expect, it } from 'vitest';
import { filledTemplate } from './template.ts';

it('a figure stands at each place of its name', () => {
  expect(filledTemplate('{{a}} of {{b-2}}, {{a}}\n', { a: 1, 'b-2': 'two {{a}}' })).toBe(
    '1 of two {{a}}, 1\n',
  );
});

it('a line of its own is left out if its figure is empty', () => {
  expect(filledTemplate('a\n{{list}}\nb\n', { list: '' })).toBe('a\nb\n');
  expect(filledTemplate('a\n{{list}}\nb\n', { list: '- x\n- y' })).toBe('a\n- x\n- y\nb\n');
});

it('names a place without a figure, and a figure without a place', () => {
  expect(() => filledTemplate('{{splits}}', {})).toThrow('{{splits}}, for which there is no figure');
  expect(() => filledTemplate('', { splits: 1 })).toThrow('no place for {{splits}}');
});

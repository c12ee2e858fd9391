import { InputError } from '@decpool/model';
import { MIGRATETYPES } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSharedExpression, type TracedAllocation } from './shared-expression.ts';

const allocation = (
  changes: Partial<Omit<TracedAllocation, 'gfp'>> = {},
  ...gfp: string[]
): TracedAllocation => ({
  order: 3,
  migratetype: 'Unmovable',
  task: 'kworker/u4:1',
  ...changes,
  gfp: new Set(gfp.length === 0 ? ['GFP_KERNEL', '__GFP_ZERO'] : gfp),
});
const matches = (text: string, what = allocation()) => parseSharedExpression(text).matches(what);

describe('a term', () => {
  it.each([
    ['order=3', true],
    ['order=2', false],
    ['order<=10', true],
    ['order>=0', true],
    ['order>=3', true],
    ['order>=4', false],
    ['order<=3', true],
    ['order <= 2', false],
    ['gfp~GFP_KERNEL', true],
    ['gfp~__GFP_ZERO', true],
    ['gfp~GFP_ATOMIC', false],
    ['gfp!~GFP_ATOMIC', true],
    ['gfp !~ GFP_KERNEL', false],
    ['task=kworker/u4:1', true],
    ['task=kworker*', true],
    ['task=*:?', true],
    ['task="kworker/u4:1"', true],
    ['task=kworker', false],
    ['migratetype=Unmovable', true],
    ['migratetype=movable', false],
  ])('%s: %s', (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  it('takes both spellings of a zone flag', () => {
    for (const text of ['gfp~GFP_DMA32', 'gfp~__GFP_DMA32']) {
      expect(matches(text, allocation({}, 'GFP_KERNEL', '__GFP_DMA32'))).toBe(true);
    }
  });

  it('takes a task name with spaces in quotes', () => {
    expect(matches(`task='Web Content'`, allocation({ task: 'Web Content' }))).toBe(true);
    expect(matches(`task="Web *"`, allocation({ task: 'Web Content' }))).toBe(true);
  });

  it('has no dots or brackets in a glob, only * and ?', () => {
    expect(matches('task=a.c', allocation({ task: 'abc' }))).toBe(false);
    expect(matches('task=[a]*', allocation({ task: 'abc' }))).toBe(false);
    expect(matches('task=*', allocation({ task: '' }))).toBe(true);
  });

  it('matches a glob as one that is compared character by character', () => {
    const isLike = (glob: string, task: string): boolean => {
      if (glob === '') return task === '';
      if (glob[0] === '*') return isLike(glob.slice(1), task) || (task !== '' && isLike(glob, task.slice(1)));
      return task !== '' && (glob[0] === '?' || glob[0] === task[0]) && isLike(glob.slice(1), task.slice(1));
    };
    const text = (...characters: string[]) =>
      fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 7 }).map((all) => all.join(''));
    fc.assert(
      fc.property(text('a', 'b', '*', '?', '.'), text('a', 'b', '.', '/', '\n'), (glob, task) => {
        expect(matches(`task=${glob}`, allocation({ task }))).toBe(isLike(glob, task));
      }),
      { numRuns: 200 },
    );
  });

  it('tries a hostile glob without taking for ever', () => {
    const glob = `${'*a'.repeat(30)}*b`;
    expect(matches(`task=${glob}`, allocation({ task: 'a'.repeat(10_000) }))).toBe(false);
  });
});

describe('an expression', () => {
  it('binds & before |, and ! before both', () => {
    expect(matches('order=3 | order=4 & order=5')).toBe(true);
    expect(matches('(order=3 | order=4) & order=5')).toBe(false);
    expect(matches('!order=4 & order=3')).toBe(true);
    expect(matches('!(order=4 | order=3)')).toBe(false);
    expect(matches('!!order=3')).toBe(true);
  });

  it('needs no spaces', () => {
    expect(matches('order>=1&gfp~GFP_KERNEL&(task=k*|migratetype=CMA)')).toBe(true);
  });

  it('may have 100 levels, and any number of terms', () => {
    expect(matches(`${'!'.repeat(99)}order=4`)).toBe(true);
    expect(refusal(`${'!'.repeat(100)}order=4`)).toMatch(
      /^--shared, column 101: expected at most 100 levels/,
    );
    expect(matches(`${'(order=4) | '.repeat(200)}order=3`)).toBe(true);
  });

  it('tells which gfp flags it names', () => {
    expect(parseSharedExpression('order=3 & gfp~GFP_KERNEL | !(gfp!~__GFP_ZERO)').gfpFlags).toEqual([
      ...['GFP_KERNEL', '__GFP_ZERO'],
    ]);
    expect(parseSharedExpression('task=GFP_KERNEL').gfpFlags).toEqual([]);
  });

  it('keeps its text', () => {
    expect(parseSharedExpression(' order=3').text).toBe(' order=3');
  });

  type Tree =
    | { readonly text: string; readonly value: boolean }
    | { readonly not: Tree }
    | { readonly and: readonly Tree[] }
    | { readonly or: readonly Tree[] };
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        { text: 'order=3', value: true },
        { text: 'order>=7', value: false },
        { text: 'gfp~GFP_KERNEL', value: true },
        { text: 'task=dd*', value: false },
      ),
      fc.record({ not: tie('tree') }),
      fc.record({ and: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ or: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    ),
  }));
  const print = (node: Tree): string => {
    if ('text' in node) return node.text;
    if ('not' in node) return `!(${print(node.not)})`;
    if ('and' in node)
      return node.and.map((part) => ('or' in part ? `(${print(part)})` : print(part))).join(' & ');
    return node.or.map(print).join('|');
  };
  const valueIn = (node: Tree): boolean => {
    if ('value' in node) return node.value;
    if ('not' in node) return !valueIn(node.not);
    return 'and' in node ? node.and.every(valueIn) : node.or.some(valueIn);
  };

  it('means what the tree means that it was printed from', () => {
    fc.assert(
      fc.property(tree, (node) => {
        expect(matches(print(node))).toBe(valueIn(node));
      }),
    );
  });
});

describe('a mistake', () => {
  it.each([
    ['', 1, 'a term (order, gfp, task, migratetype), ! or (', 'the end'],
    ['ordre=3', 1, 'a term', "'ordre'"],
    ['constructor=1', 1, 'a term', "'constructor'"],
    ['order', 6, '>= or <= or = after order', 'the end'],
    ['order>3', 6, '>= or <= or = after order', "'>'"],
    ['order=11', 7, 'an order from 0 to 10', "'11'"],
    ['order=many', 7, 'an order from 0 to 10', "'many'"],
    ['gfp=GFP_ATOMIC', 4, '!~ or ~ after gfp', "'='"],
    ['gfp~atomic', 5, 'a flag such as GFP_ATOMIC', "'atomic'"],
    ['task=', 6, 'a task name', 'the end'],
    ['task="a', 6, 'a task name', "'\"'"],
    ['migratetype=Fast', 13, `a migratetype (${MIGRATETYPES.join(', ')})`, "'Fast'"],
    ['order=3 order=4', 9, '& or | or the end', "'order'"],
    ['order=3 && order=4', 10, 'a term', "'&'"],
    ['(order=3', 9, '& or | or )', 'the end'],
    ['order=3)', 8, '& or | or the end', "')'"],
    ['order=3 |', 10, 'a term', 'the end'],
  ])('%j is shown at column %i', (text, column, expected, found) => {
    const message = refusal(text);
    expect(message.split('\n')[0]).toContain(`--shared, column ${column}: expected ${expected}`);
    expect(message.split('\n')[0]).toMatch(new RegExp(`found ${found.replace(/[()']/g, '\\$&')}$`));
    expect(message.split('\n')[2].indexOf('^')).toBe(column - 1 + 2);
  });

  it('of too many levels is an error, not a stack overflow', () => {
    expect(refusal('('.repeat(100_000))).toContain('at most 100 levels');
    expect(refusal('!'.repeat(100_000))).toContain('at most 100 levels');
  });

  it('of any kind is an InputError', () => {
    const pieces = [
      'order',
      'gfp',
      'task',
      '>=',
      '=',
      '~',
      '!',
      '(',
      ')',
      '&',
      '|',
      '3',
      'GFP_X',
      '"',
      ' ',
      '\n',
      '🙂',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces)), (words) => {
        try {
          parseSharedExpression(words.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});

function refusal(text: string): string {
  try {
    parseSharedExpression(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error(`'${text}' was accepted`);
}

import { describe, expect, it } from 'vitest';
import { figureText, parseExpression } from './expression.ts';
import { gridOf } from './grid.ts';
import { madeResults } from './testing.ts';

const MIB = 2 ** 20;
/** The kernel refuses requests in the second scenario, under the second seed. */
const GRID = gridOf(
  madeResults(2, [
    {
      policies: {
        decpool: { 'host-calls': [10, 12], 'shared-idle-mean': [MIB, 3 * MIB], 'blocks-peak': [11, 12] },
        'linux-7.3': { 'host-calls': [100, 140], 'splits-2m': [5, 7] },
      },
    },
    {
      memory: 'aged',
      policies: {
        decpool: {
          ...{ 'host-calls': [20, 30], 'shared-idle-mean': [MIB, MIB] },
          ...{ 'full-flushes': [3, 5], 'pages-moved': [0, 64], 'direct-reclaims': [1, 2] },
        },
        'linux-7.3': { 'host-calls': [200, 9], 'splits-2m': [9, 0], failures: [0, 4] },
      },
    },
    {
      input: 'its-storm',
      platform: 'cca',
      policies: {
        decpool: { 'host-calls': [2, 2], 'shared-idle-mean': [0, 0] },
        'linux-7.3': { 'host-calls': [1, 1] },
      },
    },
  ]),
);
const text = (expression: string, names: Readonly<Record<string, string>> = {}) =>
  figureText(
    parseExpression(expression),
    GRID,
    new Map(Object.entries(names).map(([name, given]) => [name, parseExpression(given)])),
  );

describe('a figure', () => {
  it.each([
    ["median('host-calls' of 'decpool')", '11'],
    ["median('host-calls' of 'decpool', memory == 'fresh' && input == 'netvsc')", '11'],
    ["sum('splits-2m' of 'decpool')", '0'],
    ["bytes(most('shared-idle-mean' of 'decpool'))", '3 MiB'],
    ["least('host-calls' of 'decpool', platform != 'cca')", '10'],
    ["ratio(median('blocks-peak' of 'decpool' / bound, memory == 'fresh' && has(input, 'net')))", '1.15'],
    ["percent(runs(serves('linux-7.3')) / runs(true))", '83.3 %'],
    ["interval('host-calls' of 'decpool', input == 'its-storm')", '2..2'],
    ["median('full-flushes' of 'decpool', memory == 'aged')", '4'],
    ["sum('pages-moved' of 'decpool', memory == 'aged')", '64'],
    ["most('direct-reclaims' of 'decpool', memory == 'aged')", '2'],
    ['median(leastIdle(12))', '4'],
    ['runs(leastIdle(9) > 1000) + most(leastIdle(99))', '9'],
    ['machines * memories', '4'],
    ['seeds', '2'],
    ['policies', '2'],
    ['scenarios(true)', '3'],
  ])('%s is %s', (expression, value) => {
    expect(text(expression)).toBe(value);
  });

  it('leaves out a run that a policy does not serve', () => {
    expect(text("least('host-calls' of 'linux-7.3', memory == 'aged')")).toBe('200');
    expect(text("least(any('host-calls', 'linux-7.3'), memory == 'aged')")).toBe('9');
    expect(text("most(any('failures', 'linux-7.3'))")).toBe('4');
  });

  it('is a table of the scenarios in which a condition holds under every seed', () => {
    const cells = (expression: string, names = {}) =>
      text(expression, names)
        .split('\n')
        .slice(2)
        .map((row) => row.split('|').map((cell) => cell.trim()));
    const [own, kernel] = cells("table('decpool', 'linux-7.3', platform == 'cca')");
    expect(own.slice(1, 6)).toEqual(['`decpool`', '1', '0', '0', '2']);
    expect(kernel.slice(1, 6)).toEqual(['`linux-7.3`', '1', '0', '0', '1']);
    const names = { kernel: "'linux-7.3'", busy: "any('host-calls', 'decpool') > 11" };
    const [busy] = cells('table(kernel, busy)', names);
    // In the first scenario it holds under one seed only.
    expect(busy.slice(1, 3)).toEqual(['`linux-7.3`', '0']);
    expect(cells('table(kernel)', names)[0].slice(1, 3)).toEqual(['`linux-7.3`', '2']);
  });

  it('counts a scenario if a condition holds under every seed', () => {
    expect(text("scenarios('splits-2m' of 'linux-7.3' > 0)")).toBe('1');
    expect(text("runs('splits-2m' of 'linux-7.3' > 0)")).toBe('3');
    expect(text("scenarios('splits-2m' of 'linux-7.3' > 0, serves('linux-7.3'))")).toBe('2');
    expect(text("scenarios(undominated('decpool'))")).toBe('2');
    expect(text("scenarios(dominated('decpool', 'linux-7.3'))")).toBe('1');
    expect(text("runs(dominated('linux-7.3', 'decpool'))")).toBe('3');
  });

  it('knows the names that the page gives', () => {
    const names = { kernel: "'linux-7.3'", calls: "'host-calls' of kernel", slow: 'calls > 100' };
    expect(text('runs(slow)', names)).toBe('2');
    expect(text('most(calls, !slow)', names)).toBe('100');
  });

  it.each([
    ["'host-calls' of 'decpool'", 'of is about one run; take many with median(), runs() or scenarios()'],
    ["median('host-calls' of 'decpol')", "the sweep has no policy 'decpol'"],
    ["median('host-cals' of 'decpool')", 'host-calls'],
    ["median('host-calls' of 'decpool', memory == 'none')", 'no run has a value'],
    ["median(median('host-calls' of 'decpool'))", 'cannot be inside of another'],
    ['median(slow)', 'unknown name slow'],
    ['mean(1)', 'unknown function mean()'],
    ['runs(1)', 'expected a condition, not 1'],
    ["1 + 'x'", 'expected a number, not "x"'],
    ['(1', 'Unclosed ('],
    ['[1]', 'ArrayExpression has no meaning in a figure'],
    ['true', 'a condition is no figure'],
  ])('that is wrong is told: %s', (expression, message) => {
    expect(() => text(expression)).toThrow(message);
  });

  it('is clearly less only if the sign test says so', () => {
    const grid = gridOf(
      madeResults(6, [
        {
          policies: {
            decpool: { 'host-calls': [1, 1, 1, 1, 1, 1] },
            'linux-7.3': { 'host-calls': [2, 2, 2, 2, 2, 2] },
            genpool: { 'host-calls': [2, 2, 2, 2, 2, 0] },
          },
        },
      ]),
    );
    const clear = (other: string) =>
      figureText(
        parseExpression(`clear('host-calls' of 'decpool', 'host-calls' of '${other}')`),
        grid,
        new Map(),
      );
    expect([clear('linux-7.3'), clear('genpool')]).toEqual(['1', '0']);
  });
});

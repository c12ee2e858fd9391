import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterEach, describe, expect, it } from 'vitest';
import { changeText } from './equivalent.ts';
import { MODULES, sourcesIn } from './modules.ts';
import { mutate } from './mutants.ts';
import { EndlessLoop, MutantSwitch } from './switch.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const mutation = new MutantSwitch();
afterEach(() => mutation.turnOff());

const compiled = (code: string) =>
  ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
    reportDiagnostics: true,
  });

/** What a function of `x` gives by itself, and with each of its mutants on. */
function results(body: string, x: unknown) {
  const { code, mutants } = mutate('some.ts', `export function some(x) {\n${body}\n}`);
  const exported: { some?: (x: unknown) => unknown } = {};
  new Function('exports', compiled(code).outputText)(exported);
  const call = () => {
    try {
      return exported.some?.(x);
    } catch (error) {
      return error instanceof EndlessLoop ? 'endless' : error;
    }
  };
  mutation.turnOff();
  const original = call();
  const changed = mutants.map((mutant) => {
    mutation.turnOn(mutant.id, 1000);
    return [changeText(mutant), call()];
  });
  return { original, changed: Object.fromEntries(changed) };
}

describe('the mutants of a text', () => {
  it.each([
    ['return x < 2;', 2, false, { 'x < 2 -> x <= 2': true, '2 -> 2 + 1': true }],
    ['return x ? 1n : -1;', 0, -1, { 'x -> true': 1n, 'x -> false': -1, '1n -> 1n + 1n': -1, '-1 -> 1': 1 }],
    ['return x - 4 * 3;', 24, 12, { 'x - 4 * 3 -> x + 4 * 3': 36, '4 * 3 -> 4 / 3': 24 - 4 / 3 }],
    ['return x && 5 || x;', 1, 5, { 'x && 5 -> x || 5': 1, 'x && 5 || x -> x && 5 && x': 1 }],
    ['return Math.min(x, 4);', 3, 3, { '.min() -> .max()': 4 }],
    ['return x?.some((y) => y);', [true, false], true, { '.some() -> .every()': false }],
    ['return x?.some((y) => y);', undefined, undefined, { '.some() -> .every()': undefined }],
    ['return x.filter((y) => y).length;', [true, false], 1, { '(y) => y -> () => true': 2 }],
    ['return x + "a";', 'x', 'xa', {}],
    ['let y = 1; y += x; return y;', 2, 3, { 'y += x -> y -= x': -1, 'y += x -> undefined': 1 }],
    ['let y = x; y++; return y;', 2, 3, { 'y++ -> y--': 1, 'y++ -> undefined': 2 }],
    ['return !x;', true, false, { '!x -> x': true }],
    ['return x === true;', true, true, { 'x === true -> x !== true': false, 'true -> false': false }],
    ['return x ?? 1;', undefined, 1, { 'x ?? 1 -> x && 1': undefined }],
    [
      'return x ?? undefined ?? 7;',
      undefined,
      7,
      { 'x ?? undefined ?? 7 -> (x ?? undefined) && 7': undefined },
    ],
  ])('%s of %o gives %o, and something else with a mutant', (body, x, original, some) => {
    const found = results(body, x);
    expect(found.original).toEqual(original);
    expect(found.changed).toMatchObject(some);
    if (Object.keys(some).length === 0) expect(found.changed).toEqual({});
  });

  it('a loop that a mutant makes endless ends by its steps', () => {
    const { original, changed } = results('let n = 0; while (n < x) n++; return n;', 3);
    expect(original).toBe(3);
    expect(changed).toMatchObject({
      'n++ -> undefined': 'endless',
      'n++ -> n--': 'endless',
      'n < x -> false': 0,
    });
  });

  it('say where they are', () => {
    const { mutants } = mutate('some.ts', 'const a = 1;\n\n  export const b = a\n    < 2;\n', 7);
    expect(mutants).toEqual([
      { id: 7, file: 'some.ts', line: 1, from: '1', to: '1 + 1', text: 'const a = 1;' },
      { id: 8, file: 'some.ts', line: 4, from: '2', to: '2 + 1', text: '< 2;' },
      { id: 9, file: 'some.ts', line: 3, from: 'a < 2', to: 'a <= 2', text: 'export const b = a' },
    ]);
  });

  it('leave types, messages and names alone', () => {
    const source =
      'import { x } from "./1.ts";\ninterface A { readonly a: 1 }\ntype B = 2;\nclass C { 3() {} }\n';
    expect(mutate('some.ts', source).mutants).toEqual([]);
  });
});

it('with its mutants, a source can be read', () => {
  const sources = MODULES.flatMap(({ paths }) => sourcesIn(paths.map((path) => `${ROOT}${path}`)));
  // All of them would take some seconds.
  for (const file of sources.filter((_, index) => index % 8 === 0)) {
    const { code, mutants } = mutate(file, readFileSync(file, 'utf8'));
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    expect(compiled(code).diagnostics).toEqual([]);
  }
});

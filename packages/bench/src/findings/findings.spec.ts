/** What is committed: the text of the findings, and the appendix beside what the sweep gives now. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseExpression } from './expression.ts';
import { bareFigures } from './page.ts';
import { missingLines, runSubset } from './subset.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
const template = readFileSync(path('docs/findings.template.md'), 'utf8');

describe('the text of the findings', () => {
  it('has no figure that is not a reference', () => {
    expect(bareFigures(template)).toEqual([]);
  });

  it('has references that can be read', () => {
    const references = [...template.matchAll(/\{\{(?:\w+ := )?(.+?)\}\}/g)].map(([, reference]) => reference);
    expect(references.length).toBeGreaterThan(30);
    for (const reference of references) expect(() => parseExpression(reference)).not.toThrow();
  });
});

describe('the appendix', () => {
  it('is short enough to be read', () => {
    expect(statSync(path('docs/findings-scenarios.md')).size).toBeLessThan(150_000);
  });

  // Each takes 15 to 25 s of CPU time: all policies with 10 seeds. So the long tests have more.
  const count = randomRuns(4) === 4 ? 6 : 1;

  it(`agrees with ${count} scenarios of the sweep`, async () => {
    const appendix = readFileSync(path('docs/findings-scenarios.md'), 'utf8');
    const scenarios = await runSubset(path('examples/sweeps/findings.json'), count, { workers: 2 });
    expect(scenarios).toHaveLength(count);
    expect(new Set(scenarios?.map(({ memory }) => memory)).size).toBeGreaterThan(count / 3);
    for (const scenario of scenarios ?? []) expect(missingLines(scenario, appendix)).toEqual([]);
  });
});

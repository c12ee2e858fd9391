/** Whole reports, as files to be read: `npx vitest run -u` writes them anew. */
import { beforeAll, describe, expect, it } from 'vitest';
import { resultsCsv } from './csv.ts';
import { comparisonMarkdown } from './markdown.ts';
import { type Results, resultsOf, resultsText } from './results.ts';
import { comparisonText } from './terminal.ts';
import { fiveComparison, tinyComparison } from './testing.ts';

let results: Results;
let tiny: Results;
beforeAll(async () => {
  tiny = resultsOf(await tinyComparison(), 'decpool compare --workload tiny');
  results = resultsOf(
    await fiveComparison(),
    'decpool compare --workload five',
    (name) => `logs/${name}.arrow`,
  );
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour is made of them.
const withoutColour = (text: string) => text.replace(/\u001b\[\d+m/g, '');
const widest = (text: string) =>
  Math.max(
    ...withoutColour(text)
      .split('\n')
      .map(({ length }) => length),
  );

describe('the text for a terminal', () => {
  it.each([80, 100, 160])('at %i columns is no wider', async (columns) => {
    const text = comparisonText(results, { columns, isColoured: false });
    expect(widest(text)).toBeLessThanOrEqual(columns);
    await expect(text).toMatchFileSnapshot(`golden/terminal-${columns}.txt`);
  });

  it.each([80, 160])(
    'at %i columns has colours where they are asked for, and says the same without',
    async (columns) => {
      const text = comparisonText(results, { columns, isColoured: true });
      expect(withoutColour(text)).toBe(comparisonText(results, { columns, isColoured: false }));
      await expect(text).toMatchFileSnapshot(`golden/terminal-${columns}-colour.txt`);
    },
  );

  it('of many policies is a ranking', () => {
    const many = { ...results, policies: Array.from({ length: 9 }, () => results.policies[0]) };
    const text = comparisonText(many, { columns: 100, isColoured: false });
    expect(text).toContain('│ front │ policy');
    expect(text).not.toContain('✓ better');
  });
});

it('the Markdown has the same values, the formulas, and the command that reproduces it', async () => {
  const markdown = comparisonMarkdown(results);
  const [text, formulas] = markdown.split('## Formulas');
  const tables = text.split('\n').filter((line) => line.startsWith('|'));
  expect(Math.max(...tables.map(({ length }) => length))).toBeLessThanOrEqual(100);
  for (const { label, formula, shown } of results.metrics) {
    expect(formulas.includes(`- **${label}**: ${formula}\n`), label).toBe(shown === undefined);
  }
  await expect(markdown).toMatchFileSnapshot('golden/report.md');
});

it('the Markdown has numbers for heads where names are too long for a mail', () => {
  const long = (index: number) => `genpool-first-fit-order-align+adaptive+hysteresis-of-mine-${index}`;
  const policies = results.policies.map((policy, index) => ({ ...policy, policy: long(index) }));
  const text = comparisonMarkdown({ ...results, policies });
  const tables = text.split('\n').filter((line) => line.startsWith('|'));
  expect(tables.length).toBeGreaterThan(results.policies.length);
  expect(Math.max(...tables.map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(text).toContain(`- (2): ${long(1)}\n`);
  expect(tables[0]).toMatch(/\| +\(1\) \| +\(2\) \|/);
});

describe('for machines, of a smaller comparison', () => {
  it('the JSON', () => expect(resultsText(tiny)).toMatchFileSnapshot('golden/results.json'));
  it('the CSV', () => expect(resultsCsv([tiny])).toMatchFileSnapshot('golden/results.csv'));
});

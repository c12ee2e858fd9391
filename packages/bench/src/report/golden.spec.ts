/** Whole reports, as files to be read: `npx vitest run -u` writes them anew. */

import { beforeAll, describe, expect, it } from 'vitest';
import { spreadOf } from '../compare/spread.ts';
import { byMetric } from '../metrics/metric.ts';
import { MAIL_COLUMNS, MAIL_LINES, mailText } from './mail.ts';
import { type Results, resultsOf } from './results.ts';
import { comparisonText } from './terminal.ts';
import { fiveComparison, withValues } from './testing.ts';

let results: Results;
beforeAll(async () => {
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

const screen = (columns: number) => ({ columns, isColoured: false });

describe('the text for a terminal', () => {
  it.each([80, 100])('at %i columns', async (columns) => {
    const text = comparisonText(results, screen(columns));
    expect(widest(text)).toBeLessThanOrEqual(columns);
    await expect(text).toMatchFileSnapshot(`golden/terminal-${columns}.txt`);
  });

  it.each([60, 80, 120, 160])('at %i columns is no wider, and the same without colours', (columns) => {
    const text = comparisonText(results, { columns, isColoured: true, hasRanges: true });
    expect(widest(text)).toBeLessThanOrEqual(columns);
    expect(withoutColour(text)).toBe(comparisonText(results, { ...screen(columns), hasRanges: true }));
  });

  it('has one table of at most ten lines for five policies at 80 columns', () => {
    const lines = comparisonText(results, screen(80)).split('\n');
    const from = lines.findIndex((line) => line.startsWith('─')) + 1;
    const to = lines.findIndex((line) => line.startsWith('equal for all'));
    expect(lines.filter((line) => line.startsWith('─'))).toHaveLength(1);
    expect(to - from).toBeLessThanOrEqual(10);
  });

  it('has ranges only if they are wanted', () => {
    const spread = withValues(
      results,
      'splits-2m',
      results.policies.map((_, index) => [index, index + 3, index + 9]),
    );
    expect(comparisonText(spread, screen(100))).not.toContain('..');
    expect(comparisonText(spread, { ...screen(100), hasRanges: true })).toMatch(/1\.\.10 /);
  });

  it('of six policies is a ranking', () => {
    const many = { ...results, policies: [...results.policies, results.policies[1]] };
    const text = comparisonText(many, screen(100));
    expect(text).toMatch(/^front {2}2M splits/m);
    expect(text).not.toContain('✓');
    expect(widest(text)).toBeLessThanOrEqual(100);
  });

  it('of a ranking has the baseline, and the rows that were chosen', () => {
    const [baseline, ...others] = results.policies;
    const many = {
      ...results,
      rows: ['pages-zeroed'] as const,
      policies: [baseline, ...others, { ...others[0], policy: 'another' }],
    };
    const text = comparisonText(many, screen(100));
    expect(text).toMatch(/^front {2}pages zeroed/m);
    expect(text).toContain('linux-7.3 (baseline)');
  });

  it('says in one line if no row tells the policies apart', () => {
    const [baseline] = results.policies;
    const twins = { ...results, policies: [baseline, { ...baseline, policy: 'twin', isBaseline: false }] };
    const same = {
      ...twins,
      policies: twins.policies.map((policy) => ({
        ...policy,
        metrics: byMetric(results.metrics.map(({ id }) => [id, spreadOf([policy.metrics[id].median])])),
      })),
    };
    const lines = comparisonText(same, screen(100)).trimEnd().split('\n');
    expect(lines).toContain('No row tells the policies apart.');
  });
});

describe('the mail', () => {
  const fits = (text: string) => {
    expect(widest(text)).toBeLessThanOrEqual(MAIL_COLUMNS);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(MAIL_LINES);
  };

  it('has the verdict, the ten rows and the command in 40 lines of 72 columns', async () => {
    const text = mailText(results);
    fits(text);
    await expect(text).toMatchFileSnapshot('golden/report.md');
  });

  it('whatever names, notes and command are', () => {
    const long = (index: number) => `genpool-first-fit-order-align+adaptive+hysteresis-of-mine-${index}`;
    const text = mailText({
      ...results,
      policies: results.policies.map((policy, index) => ({ ...policy, policy: long(index) })),
      notes: Array.from({ length: 9 }, (_, index) => `${index} ${'a rather long note '.repeat(30)}`),
      command: `decpool compare ${'--workload netvsc '.repeat(20)}`,
    });
    fits(text);
    expect(text).toContain('Reproduce:');
  });

  it('counts the rows that it has no room for, and keeps the command', () => {
    const text = mailText({ ...results, rows: results.metrics.map(({ id }) => id) });
    fits(text);
    expect(text).toMatch(/\d+ more rows in results\.json/);
    expect(text).toContain('    decpool compare --workload five\n');
  });

  it('breaks a command only between the words of a shell', () => {
    const shared = `'order>=1 & task=kworker* & gfp!~GFP_ATOMIC & task=more*'`;
    const text = mailText({
      ...results,
      command: `decpool compare --trace dma.txt --memory 16G --shared ${shared}`,
    });
    fits(text);
    expect(text).toContain(shared);
  });

  it('of one policy says nothing of a second column', () => {
    const [alone] = results.policies;
    const text = mailText({ ...results, policies: [alone] });
    fits(text);
    expect(text).not.toContain('second column');
  });

  it('of many policies has the first of the ranking', () => {
    fits(mailText({ ...results, policies: Array.from({ length: 9 }, () => results.policies[0]) }));
  });
});

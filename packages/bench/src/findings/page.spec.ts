import { describe, expect, it } from 'vitest';
import { differencesOf } from './check.ts';
import { gridOf } from './grid.ts';
import { bareFigures, filledPages, textOf } from './page.ts';
import { madeResults } from './testing.ts';

const GRID = gridOf(
  madeResults(1, [
    {
      policies: {
        decpool: { 'host-calls': [44] },
        'linux-7.3': { 'host-calls': [6699], 'splits-2m': [35] },
      },
    },
  ]),
);
const TEMPLATE = `{{calls := 'host-calls' of 'decpool'}}
# Findings

decpool makes {{median(calls)}} host calls, linux-7.3 {{median('host-calls' of 'linux-7.3')}}.

{{table('decpool', 'linux-7.3')}}

The end.
`;
const page = (template = TEMPLATE) => filledPages(template, 'page.md', GRID)[0];

describe('a page', () => {
  it('has its references filled in, and no definitions', () => {
    const [title, , calls, , head, , own] = textOf(page()).split('\n');
    expect([title, calls]).toEqual(['# Findings', 'decpool makes 44 host calls, linux-7.3 6,699.']);
    expect(head).toMatch(/^\| policy +\| serves \| 2M splits \|/);
    expect(own).toMatch(/^\| `decpool` +\| +1 \| +0 \| +0 \| +44 \|/);
  });

  it('tells the line of a reference that is wrong', () => {
    expect(() => page(TEMPLATE.replace('median(calls)', 'median(cals)'))).toThrow(
      'page.md:4: unknown name cals',
    );
  });

  it('ends where another begins, which knows the same definitions', () => {
    const more = `${TEMPLATE}{{page more.md}}\nIt makes {{median(calls)}}.\n`;
    const pages = filledPages(more, 'page.md', GRID);
    expect(pages.map(({ name }) => name)).toEqual([undefined, 'more.md']);
    expect(pages.map(textOf)).toEqual([textOf(page()), 'It makes 44.\n']);
    expect(() => page(more.replace('It makes {{median(calls)', 'It makes {{median(cals)'))).toThrow(
      'page.md:10: unknown',
    );
  });

  it('agrees with itself', () => {
    expect(differencesOf(page().lines, textOf(page()), 'findings.md')).toEqual([]);
  });
});

describe('a check names', () => {
  const check = (change: (text: string) => string) =>
    differencesOf(page().lines, change(textOf(page())), 'findings.md');

  it('each figure that differs, with both values', () => {
    expect(check((text) => text.replace('makes 44', 'makes 45').replace('6,699.', '6,698.'))).toEqual([
      'findings.md:3: {{median(calls)}}: the page has 45, the results have 44',
      "findings.md:3: {{median('host-calls' of 'linux-7.3')}}: the page has 6,698, the results have 6,699",
    ]);
  });

  it('the row of a table and its cell', () => {
    expect(check((text) => text.replace(/(`linux-7.3`.*) 35 /, '$1 36 '))).toEqual([
      "findings.md:8: {{table('decpool', 'linux-7.3')}}, row | `linux-7.3`: the page has 36, the results have 35",
    ]);
  });

  it('words that differ, and lines that are missing or too many', () => {
    expect(check((text) => text.replace('decpool makes', 'decpool has'))).toEqual([
      "findings.md:3: not the text of its template: 'decpool has 44 host calls, linux-7.3 6,699.'; expected 'decpool makes 44 host calls, linux-7.3 6,699.'",
    ]);
    expect(check((text) => text.replace('The end.\n', ''))).toEqual([
      "findings.md:10: not the text of its template: ''; expected 'The end.'",
    ]);
    expect(check((text) => `${text}More.\n`)).toEqual(['findings.md:11: more lines than its template gives']);
  });
});

describe('a bare figure', () => {
  it('is found in the text of a template, and names are not', () => {
    const text =
      'It makes 44 calls in {{runs(1 > 0)}} of 70 runs.\nOf linux-7.3 a 2M page, order-9, `64:512`, [2024](a-1.md), 3.5 MiB, 12%.';
    expect(bareFigures(text)).toEqual(['line 1: 44', 'line 1: 70', 'line 2: 3.5', 'line 2: 12%.']);
  });
});

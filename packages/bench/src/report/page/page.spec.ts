import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { madeHistory } from '../../history/testing-made.ts';
import { inScriptElement } from './build-client.ts';
import { pageHtml } from './page.ts';
import type { PageInput } from './page-data.ts';
import { HOSTILE, madeResults } from './testing.ts';

const inputs: readonly PageInput[] = [
  {
    results: madeResults({
      policies: { [HOSTILE]: [1, 2, 3], pool: [0, 4, 1] },
      ranked: [['pool'], [HOSTILE]],
      name: HOSTILE,
    }),
    history: madeHistory({ [HOSTILE]: [0, 1, 1], pool: [0, 0, 0] }, HOSTILE),
    folder: HOSTILE,
  },
  {
    results: madeResults({
      policies: { kernel: [1, 2, 3], pool: [0, 4, 1] },
      ranked: [['pool'], ['kernel']],
    }),
    folder: 'made',
  },
];
const script = 'console.log("the page")';
const page = pageHtml({ inputs, script, version: '0' });

it('the content security policy allows the script and the style of the page, by their hashes, and nothing else', () => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
  const sources = policy.split('; ');
  const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
  expect(sources).toEqual([
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ]);
});

it('hostile names are text everywhere, and no element has a style or a handler', () => {
  const markup = page.replace(/<style>[\s\S]*?<\/style>/, '');
  expect(markup).not.toMatch(/<img src=x/);
  expect(markup.match(/<\/script>/g)).toHaveLength(inputs.length + 1);
  expect(markup).not.toMatch(/<[^>]* style=/);
  expect(markup).not.toMatch(/<[a-z]+(?: [\w-]+="[^"]*")* on\w+=/);
});

it('each picture is an image without scripts whose names are text', () => {
  const pictures = [...page.matchAll(/src="data:image\/svg\+xml;base64,([^"]*)"/g)].map(([, base64]) =>
    Buffer.from(base64, 'base64').toString(),
  );
  expect(pictures.length).toBeGreaterThan(10);
  for (const picture of pictures) {
    expect(picture.startsWith('<svg')).toBe(true);
    expect(picture).not.toMatch(/<script|<img|onerror=alert\(1\)>/);
  }
});

it('the data of each input can be unpacked', () => {
  const blocks = [...page.matchAll(/<script type="application\/octet-stream" id="[^"]*">([^<]*)<\/script>/g)];
  expect(
    blocks.map(([, base64]) => JSON.parse(inflateRawSync(Buffer.from(base64, 'base64')).toString())),
  ).toEqual(inputs);
});

it('cells of the table carry the unrounded value', () => {
  expect(page).toContain('<td data-metric="host-calls" data-policy="kernel" data-value="3">');
});

it('without logs the page names the missing folder', () => {
  expect(page).toContain('made/logs');
});

it('every id is unique', () => {
  const ids = [...page.matchAll(/<[a-z][^>]* id="([^"]*)"/g)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(50);
  expect(new Set(ids).size).toBe(ids.length);
});

it('a bundle cannot end its element', () => {
  expect(inScriptElement('"</script><!--"')).toBe('"<\\/script><\\!--"');
});

describe('the order of the page', () => {
  const FULL = 'first-fit+block+hysteresis:2';
  const input = (name: string, cautions: readonly string[] = []): PageInput => ({
    results: {
      ...madeResults({
        name,
        policies: { kernel: [1, 2, 3], [FULL]: [0, 4, 1] },
        ranked: [[FULL], ['kernel']],
      }),
      cautions,
    },
    history: madeHistory({ kernel: [0, 1, 1], [FULL]: [0, 0, 0] }),
    folder: name,
    against: { differences: [], deltas: [], onlyNow: [], onlyBefore: [] },
  });
  const two = pageHtml({
    inputs: [input('second', ['Memory was lost.']), input('first')],
    script,
    version: '0',
  });
  const places = (...parts: readonly string[]) => parts.map((part) => two.indexOf(part));
  const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

  it('is the verdict over all inputs, with a line for each, and then the inputs as they were given', () => {
    const found = places(
      'id="overall"',
      '<a href="#input-second">second</a></th>',
      '<a href="#input-first">first</a></th>',
      '<article class="input" id="input-second"',
      '<article class="input" id="input-first"',
    );
    expect(found).not.toContain(-1);
    expect(found).toEqual(ascending(found));
  });

  it('has no verdict over all inputs for one input', () => {
    expect(pageHtml({ inputs: [input('first')], script, version: '0' })).not.toContain('id="overall"');
  });

  it('is the same in the contents and in the sections of an input', () => {
    const order = 'summary against cost owners blocks time distributions pareto indices'.split(' ');
    const [article] = /<article class="input" id="input-first"[\s\S]*?<\/article>/.exec(two) ?? [''];
    const all = (pattern: RegExp) => [...article.matchAll(pattern)].map(([, id]) => id);
    expect(all(/<section id="input-first-(\w+)"/g)).toEqual(order);
    expect(all(/<li><a href="#input-first-(\w+)">/g)).toEqual(order);
  });

  it('begins an input with the verdict, its cautions, the key figures and the table', () => {
    const [summary] = /<section id="input-second-summary"[\s\S]*?<\/section>/.exec(two) ?? [''];
    const found = [
      '<p class="lead">',
      'Memory was lost.',
      'id="input-second-figure-at-a-glance"',
      'id="input-second-comparison"',
      '<ul class="notes">',
    ].map((part) => summary.indexOf(part));
    expect(found).not.toContain(-1);
    expect(found).toEqual(ascending(found));
    expect(/<ul class="notes">[\s\S]*?<\/ul>/.exec(summary)?.[0]).not.toContain('Memory was lost.');
  });

  it('has the key metrics first in the table, and the others behind a button', () => {
    const [table] = /<table class="comparison" id="input-second-comparison">[\s\S]*?<\/table>/.exec(two) ?? [
      '',
    ];
    const rows = [...table.matchAll(/<tr( class="more")?><th scope="row"[^>]*>([^<]*)</g)];
    expect(rows.map(([, more, label]) => [label, more !== undefined])).toEqual([
      ['failures', false],
      ['splits-2m', false],
      ['host-calls', false],
      ['full-flushes', false],
      ['shared-idle-byte-seconds', true],
      ['waited-share', true],
    ]);
    expect(two).toContain('data-rows="6"');
  });

  it('shows short names of policies, with the full name as title and in data attributes', () => {
    expect(two).toContain(`<span class="policy" title="${FULL}"><span>first-fit</span></span>`);
    expect(two).toContain(`data-policy="${FULL}"`);
    const shown = two.replace(/<(script|pre)[\s\S]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ');
    expect(shown).toContain('first-fit');
    expect(shown).not.toContain(FULL);
    expect(shown).not.toMatch(/[×÷]/);
  });
});

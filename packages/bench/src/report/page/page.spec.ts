import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { inScriptElement } from './bundle.ts';
import { pageHtml } from './page.ts';
import type { PageInput } from './page-data.ts';
import { HOSTILE, madeHistory, madeResults } from './testing.ts';

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

it('the policy lets run what the page has, by its hash, and nothing else', () => {
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

it('hostile names are text wherever they stand, and nothing has a style or a handler of its own', () => {
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

it('without logs the page says what is missing and why', () => {
  expect(page).toContain('There is no event log in made/logs');
});

it('no id is there twice', () => {
  const ids = [...page.matchAll(/<[a-z][^>]* id="([^"]*)"/g)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(50);
  expect(new Set(ids).size).toBe(ids.length);
});

it('a bundle cannot end its element', () => {
  expect(inScriptElement('"</script><!--"')).toBe('"<\\/script><\\!--"');
});

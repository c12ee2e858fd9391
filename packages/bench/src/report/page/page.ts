/** Puts a page together: one self-contained HTML file that makes no network requests. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { type ResourceName, resourceUrl } from '../../files/resource.ts';
import { overallVerdict } from '../overall-verdict.ts';
import { type Html, html, slug, trusted } from './escape.ts';
import { inputMarkup } from './input-markup.ts';
import type { PageInput } from './page-data.ts';
import { policyColours } from './palette.ts';
import { overallSection } from './sections/overall.ts';

interface PageParts {
  readonly inputs: readonly PageInput[];
  readonly script: string;
  readonly version: string;
}

/** An id for each input; no two are the same. */
export function prefixesOf(inputs: readonly PageInput[]): string[] {
  const taken = new Set<string>();
  return inputs.map(({ results }) => {
    const base = `input-${slug(results.input.name)}`;
    let prefix = base;
    for (let count = 2; taken.has(prefix); count++) prefix = `${base}-${count}`;
    taken.add(prefix);
    return prefix;
  });
}

export function pageHtml({ inputs, script, version }: PageParts): string {
  const style = styleSheet();
  const prefixes = prefixesOf(inputs);
  const all = inputs.map(({ results }) => results);
  const names = all.map(({ input }) => input.name);
  const overall = overallVerdict(all);
  return html`${trusted('<!DOCTYPE html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policyOf(script, style))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${names.join(', ')}: pool policies compared</title>
<link rel="icon" href="data:,">
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="masthead">
<div class="brand"><p>decpool</p><h1>Pool policies compared</h1></div>
${inputs.length > 1 && switcher(names, prefixes)}
<fieldset class="theme scripted"><legend class="sr">Colours</legend>${['auto', 'light', 'dark'].map(
    (theme, index) =>
      html`<label><input type="radio" name="theme" value="${theme}"${index === 0 && html` checked`}><span>${theme}</span></label>`,
  )}</fieldset>
</header>
<main id="content" tabindex="-1">
${overall !== undefined && overallSection(overall, all, prefixes)}
${inputs.map((input, index) => inputMarkup(input, prefixes[index]))}
</main>
<footer><p>decpool ${version}. Every figure comes from a model, in simulated time. No measured conversion latency is public. Charts: Apache ECharts, Apache License 2.0.</p></footer>
${inputs.map(
  (
    input,
    index,
  ) => html`<script type="application/octet-stream" id="${prefixes[index]}-data">${packed(input)}</script>
`,
)}<script>${trusted(script)}</script>
</body>
</html>
`.markup;
}

const switcher = (names: readonly string[], prefixes: readonly string[]): Html =>
  html`<nav class="inputs" aria-label="Inputs"><ul>${names.map(
    (name, index) => html`<li><a href="#${prefixes[index]}">${name}</a></li>`,
  )}</ul></nav>`;

const styleSheet = (): string => [sheet('page.css'), sheet('block-map.css'), policyColours()].join('\n');

const sheet = (name: ResourceName): string => readFileSync(resourceUrl(name), 'utf8');

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page may load nothing, and may run only its own script and style. */
export const policyOf = (script: string, style: string): string =>
  [
    "default-src 'none'",
    `script-src ${sha256(script)}`,
    `style-src ${sha256(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

const packed = (input: PageInput): string =>
  deflateRawSync(JSON.stringify(input), { level: 9 }).toString('base64');

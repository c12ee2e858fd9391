/** Markup that recurs: names and line samples of policies, sentences, commands. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import type { Phrase } from '../verdict.ts';
import { type Content, type Html, html } from './escape.ts';
import type { PolicyStyle } from './palette.ts';

/** The short name of a policy, with the full one as its title. A line may break between its parts. */
export function policyName(policy: string): Html {
  const name = shortPolicyName(policy);
  const parts = name
    .split('+')
    .map((part, index) => html`${index > 0 && html`<wbr>`}<span>${index > 0 && '+'}${part}</span>`);
  return html`<span class="policy"${name !== policy && html` title="${policy}"`}>${parts}</span>`;
}

/** The line of a policy, as charts draw it. */
export function swatch({ index, dash }: PolicyStyle): Html {
  const dashes = dash.length === 0 ? '' : html` stroke-dasharray="${dash.join(' ')}"`;
  return html`<svg class="swatch p${index}" width="26" height="10" viewBox="0 0 26 10" aria-hidden="true" focusable="false"><line x1="0" y1="5" x2="26" y2="5"${dashes}/></svg>`;
}

export const phrase = (parts: Phrase): Html =>
  html`${parts.map((part) => (typeof part === 'string' ? part : policyName(part.policy)))}`;

/** The button that shows the rows of a table with the class `more`; `count` is the number of all rows. */
export const rowsToggle = (table: string, count: number): Html =>
  html`<p class="toggle scripted"><button type="button" aria-expanded="false" aria-controls="${table}" data-rows="${count}">Show all ${count} rows</button></p>`;

interface ScrolledTable {
  readonly label: string;
  /** For screen readers (default: the label). */
  readonly caption?: string;
  readonly classes: string;
  readonly id?: string;
  readonly isTall?: boolean;
  readonly head: Content;
  readonly rows: Content;
}

/** A table that scrolls if it is wider than the page, also with the keyboard. */
export const scrolledTable = ({
  label,
  caption = label,
  classes,
  id,
  isTall,
  head,
  rows,
}: ScrolledTable): Html =>
  html`<div class="scroll${isTall === true && ' tall'}" tabindex="0" role="region" aria-label="${label}"><table class="${classes}"${id !== undefined && html` id="${id}"`}>
<caption class="sr">${caption}</caption>
<thead>${head}</thead>
<tbody>${rows}</tbody>
</table></div>`;

/** A row of column heads. */
export const headRow = (heads: readonly Content[]): Html =>
  html`<tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr>`;

export const commandLines = (commands: readonly string[]): Html =>
  html`<pre class="commands" tabindex="0"><code>${commands.join('\n')}</code></pre>`;

export const image = (svg: string, alt: string, width: number, height: number): Html =>
  html`<img class="still" alt="${alt}" width="${width}" height="${height}" src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`;

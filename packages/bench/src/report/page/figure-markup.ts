/** A figure as markup: heading, sentence, picture, and behind buttons its formula, commands and data. */
import { stillView, svgOf } from './draw.ts';
import { type Html, html } from './escape.ts';
import type { Figure, FigureTable, View } from './figures/figure.ts';
import { commandLines, image } from './words.ts';

interface Placed {
  /** Id of the input on the page; the figure's id begins with it. */
  readonly prefix: string;
  /** px of the picture for print and for a page without scripts. */
  readonly width: number;
  readonly frame: number;
}

export function figureMarkup(figure: Figure, { prefix, width, frame }: Placed): Html {
  const view = stillView(width, frame, false);
  // A section may already have the figure's id.
  const id = `${prefix}-figure-${figure.id}`;
  const reading = figure.reading(view);
  return html`<figure id="${id}" class="${width > 700 ? 'wide' : 'half'} ${figure.kind}" aria-labelledby="${id}-title">
<h4 id="${id}-title">${figure.title}</h4>
<p class="reading">${reading}</p>
<div class="chart" data-figure="${figure.id}"></div>
${image(svgOf(figure, view), `${figure.title}. ${reading}`, width, figure.heightAt(width))}
${detailsOf(figure, view)}
</figure>
`;
}

const detailsOf = (figure: Figure, view: View): Html =>
  behind({ formula: figure.formula, commands: figure.commands, table: figure.table(view) });

/** What is behind buttons below a figure. */
export const behind = ({
  formula,
  commands,
  table,
}: Pick<Figure, 'formula' | 'commands'> & { table: FigureTable }): Html =>
  html`<div class="behind">
<details><summary>Formula</summary>${formula.map((line) => html`<p>${line}</p>`)}</details>
<details><summary>How to reproduce</summary>${commandLines(commands)}</details>
<details class="data"><summary>Values as a table</summary>${tableMarkup(table)}</details>
</div>`;

const tableMarkup = ({
  caption,
  head,
  rows,
}: FigureTable): Html => html`<div class="scroll tall" tabindex="0" role="region" aria-label="${caption}">
<table class="figures"><caption>${caption}</caption>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
  ([first, ...others]) =>
    html`<tr><th scope="row">${first}</th>${others.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
)}</tbody></table></div>`;

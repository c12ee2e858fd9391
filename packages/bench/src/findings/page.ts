/**
 * Pages that are written by hand and whose figures are references: `{{expression}}`. At the top names can be given to
 * expressions, one a line: `{{name := expression}}`. A line `{{page NAME}}` begins another page, in a file of that name.
 */
import { InputError } from '@decpool/model';
import { type Definitions, figureText, parseExpression } from './expression.ts';
import type { Grid } from './grid.ts';

/** A line of the page, and the references that it was made of. */
export interface PageLine {
  readonly text: string;
  /** The line of the template, with its references. */
  readonly template: string;
  readonly figures: readonly Figure[];
}

interface Figure {
  /** As written in the template. */
  readonly reference: string;
  readonly value: string;
}

/** A page of a template. */
export interface FilledPage {
  /** Its file, beside that of the first page, which has no name. */
  readonly name: string | undefined;
  readonly lines: readonly PageLine[];
}

const PAGE = /^\{\{page ([\w-]+\.md)\}\}$/;
const DEFINITION = /^\{\{(\w+) := (.+)\}\}$/;
const REFERENCE = /\{\{(.+?)\}\}/g;

/** `file`: of the template, for errors. Throws InputError that names the line of a wrong reference. */
export function filledPages(template: string, file: string, grid: Grid): FilledPage[] {
  const definitions = new Map<string, ReturnType<typeof parseExpression>>();
  const pages: { readonly name: string | undefined; readonly lines: PageLine[] }[] = [
    { name: undefined, lines: [] },
  ];
  for (const [index, line] of template.replace(/\n$/, '').split('\n').entries()) {
    inPlace(`${file}:${index + 1}`, () => {
      const page = PAGE.exec(line);
      const definition = DEFINITION.exec(line);
      if (page !== null) pages.push({ name: page[1], lines: [] });
      else if (definition !== null) definitions.set(definition[1], parseExpression(definition[2]));
      else pages.at(-1)?.lines.push(...filledLine(line, grid, definitions));
    });
  }
  return pages;
}

export const textOf = ({ lines }: FilledPage): string => lines.map(({ text }) => `${text}\n`).join('');

function filledLine(template: string, grid: Grid, definitions: Definitions): PageLine[] {
  const figures: Figure[] = [];
  const text = template.replace(REFERENCE, (_, reference: string) => {
    const value = figureText(parseExpression(reference), grid, definitions);
    figures.push({ reference, value });
    return value;
  });
  return text.split('\n').map((line) => ({ text: line, template, figures }));
}

function inPlace<Result>(place: string, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place}: ${error.message}`);
    throw error;
  }
}

/** Digits that are no figures: names of things. Code and the addresses of links are left out, too. */
const NAMES = [
  /`[^`]*`/g,
  /\]\([^)]*\)/g,
  // Of large pages and blocks, and the most that swiotlb serves.
  /\b(?:2M|1G|4K|2 MiB|256 KiB)\b/g,
  /\b(?:Linux|linux-)\s?\d\.\d+\b/g,
  /\b\d+:\d+\b/g,
  /\border-\d+\b/g,
  /\b(?:x86|BBML3)\b/g,
  /\barm64\b/g,
  // Years of messages and papers.
  /\b20[12]\d\b/g,
];

/** Figures in a template that are no references, each with its line: nobody would see that they are no longer true. */
export function bareFigures(template: string): string[] {
  return template.split('\n').flatMap((line, index) => {
    const text = NAMES.reduce((rest, name) => rest.replace(name, ''), line.replace(REFERENCE, ''));
    return (text.match(/[\w.,-]*\d[\w.,%-]*/g) ?? []).map((figure) => `line ${index + 1}: ${figure}`);
  });
}

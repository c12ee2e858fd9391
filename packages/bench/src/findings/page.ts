/**
 * A page that is written by hand and whose figures are references: `{{expression}}`. At its top names can be given to
 * expressions, one a line: `{{name := expression}}`.
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

const DEFINITION = /^\{\{(\w+) := (.+)\}\}$/;
const REFERENCE = /\{\{(.+?)\}\}/g;

/** `file`: of the template, for errors. Throws InputError that names the line of a wrong reference. */
export function filledPage(template: string, file: string, grid: Grid): PageLine[] {
  const definitions = new Map<string, ReturnType<typeof parseExpression>>();
  return template
    .replace(/\n$/, '')
    .split('\n')
    .flatMap((line, index) =>
      inPlace(`${file}:${index + 1}`, () => {
        const definition = DEFINITION.exec(line);
        if (definition === null) return filledLine(line, grid, definitions);
        definitions.set(definition[1], parseExpression(definition[2]));
        return [];
      }),
    );
}

export const textOf = (page: readonly PageLine[]): string => page.map(({ text }) => `${text}\n`).join('');

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

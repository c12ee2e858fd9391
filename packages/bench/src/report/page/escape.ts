/** Markup that text cannot break: a template escapes every value that is not markup. Attributes stand in double quotes. */
import { printableLines } from '../../text/printable.ts';

export interface Html {
  readonly markup: string;
}

export type Content = string | number | false | undefined | Html | readonly Content[];

export const escapeHtml = (text: string): string =>
  printableLines(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const html = (parts: TemplateStringsArray, ...values: readonly Content[]): Html => ({
  markup: parts.map((part, index) => part + (index < values.length ? markupOf(values[index]) : '')).join(''),
});

/** Marks our own SVG or bundle as markup. */
export const trusted = (markup: string): Html => ({ markup });

function markupOf(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(markupOf).join('');
}

/** Text for a chart, without the characters of echarts' templates: `{style|text}` and `{a}`. */
export const chartText = (text: string): string =>
  printableLines(text).replaceAll('{', '(').replaceAll('}', ')').replaceAll('|', '/');

/** A name for ids and file names: other characters than letters, digits, dots and dashes become a dash. */
export const slug = (name: string): string => name.replace(/[^\w.-]+/g, '-').slice(0, 80) || 'unnamed';

/** A word quoted for a POSIX shell. A leading dash gets `./`: a command would take the word for an option. */
export function shellWord(text: string): string {
  const word = text.startsWith('-') ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Markup in which text cannot become markup: whatever is put into a template is escaped unless it was made by one.
 * Attributes stand in double quotes.
 */
import { printableLines } from '../../cli/printable.ts';

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

/** Of text that is known to be markup: an SVG or a bundle of ours. */
export const trusted = (markup: string): Html => ({ markup });

function markupOf(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(markupOf).join('');
}

/** Text for a chart: echarts takes `{style|text}` for a change of style and `{a}` for a value. */
export const chartText = (text: string): string =>
  printableLines(text).replaceAll('{', '(').replaceAll('}', ')').replaceAll('|', '/');

/** A name for ids and file names: what is not a letter, digit, dot or dash becomes a dash. */
export const slug = (name: string): string => name.replace(/[^\w.-]+/g, '-').slice(0, 80) || 'unnamed';

/** A word as a POSIX shell takes it, and a command as a name of a file: what begins with a dash would be an option. */
export function shellWord(text: string): string {
  const word = text.startsWith('-') ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

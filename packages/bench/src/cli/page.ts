/** How a page of help is laid out: as a manual page. Its content is data, which a bundle has as a file. */
import { openable } from '../files/openable.ts';
import { wrap } from '../text/wrap.ts';

export type Item = readonly [term: string, text: string];

type Body =
  | { readonly prose: string }
  /** Terms, with their texts beside them. */
  | { readonly list: readonly Item[] }
  /** Lists, each under a heading. */
  | { readonly groups: readonly (readonly [heading: string, items: readonly Item[]])[] }
  /** Examples and files are not wrapped. */
  | { readonly verbatim: readonly string[] };

/** A section without lines is left out. */
export type Section = readonly [title: string, body: Body];
export type Page = readonly Section[];

const INDENT = '  ';

export function pageText(page: Page, columns: number, styled: (title: string) => string): string {
  const written = page.flatMap(([title, body]) => {
    const lines = linesOf(body, columns);
    return lines.length === 0 ? [] : [[styled(title), ...lines].join('\n')];
  });
  return `${written.join('\n\n')}\n`;
}

function linesOf(body: Body, columns: number): string[] {
  if ('prose' in body) return indented(wrapLists(openable(body.prose), columns - INDENT.length));
  if ('list' in body) return listLines(body.list, columns);
  if ('groups' in body) return groupLines(body.groups, columns);
  return indented(body.verbatim.map(openable));
}

/** The texts of all groups begin in one column. */
function groupLines(groups: readonly (readonly [string, readonly Item[]])[], columns: number): string[] {
  const widest = widestTerm(groups.flatMap(([, items]) => items));
  return groups.flatMap(([heading, items], index) => [
    ...(index === 0 ? [] : ['']),
    `${INDENT}${heading}`,
    ...indented(listLines(items, columns - INDENT.length, widest)),
  ]);
}

const widestTerm = (items: readonly Item[]): number => Math.max(...items.map(([term]) => term.length));

function listLines(items: readonly Item[], columns: number, widest: number = widestTerm(items)): string[] {
  const room = columns - widest - 2 * INDENT.length;
  return items.flatMap(([term, text]) =>
    wrapLists(openable(text), room).map(
      (line, index) => INDENT + (index === 0 ? term : '').padEnd(widest) + INDENT + line,
    ),
  );
}

const indented = (lines: readonly string[]): string[] =>
  lines.map((line) => (line === '' ? '' : INDENT + line));

/** Wraps lists without spaces after a comma, and names of policies before a plus. */
const wrapLists = (text: string, room: number): string[] =>
  wrap(
    text.replaceAll(/\S+/g, (word) => (word.length <= room ? word : brokenList(word, room))),
    room,
  );

function brokenList(word: string, room: number): string {
  const items = word.split(/(?<=,)/).flatMap((item) => (item.length <= room ? item : item.split(/(?=\+)/)));
  const lines = [''];
  for (const item of items) {
    const line = lines.length - 1;
    if (lines[line].length + item.length <= room) lines[line] += item;
    else lines.push(item);
  }
  return lines.filter((line) => line !== '').join('\n');
}

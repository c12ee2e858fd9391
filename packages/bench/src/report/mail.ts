/** The comparison as a mail has it: plain text that is Markdown as well, at most 40 lines of at most 72 columns, the verdict first. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import { filledLines } from '../text/groups.ts';
import { printable } from '../text/printable.ts';
import { hanging, wrap } from '../text/wrap.ts';
import { hasColumns } from './has-columns.ts';
import { rankingText } from './ranking-table.ts';
import type { Results } from './results.ts';
import { chosenRowsOf, equalText, foldedRows } from './rows.ts';
import { runText } from './run-text.ts';
import { tableText } from './table-text.ts';
import { phraseText, verdictOf } from './verdict.ts';

export const MAIL_COLUMNS = 72;
export const MAIL_LINES = 40;
const NOTES_SHOWN = 3;
/** Ahead of a line that Markdown must leave as it is. */
const INDENT = '    ';
/** What is left of an indented line. */
const ROOM = MAIL_COLUMNS - INDENT.length;
/** Policies that a ranking names. */
const RANKED_SHOWN = 10;

/** Ends with a line break. What does not fit is counted; the verdict and the command are always there. */
export function mailText(results: Results): string {
  const head = [...linesOf(`decpool: ${runText(results)}`), '', ...verdictLines(results), ''];
  const end = ['', 'Reproduce:', '', ...commandLines(results.command)];
  const body = fittingBody(results, MAIL_LINES - head.length - end.length);
  const room = MAIL_LINES - head.length - body.length - end.length;
  const notes = [...results.cautions, ...results.notes].slice(0, NOTES_SHOWN);
  return `${[...head, ...body, ...noteLines(notes, room), ...end].join('\n')}\n`;
}

/** As many rows, or policies, as there are lines for. */
function fittingBody(results: Results, lines: number): string[] {
  const bodyOf = (most: number) =>
    hasColumns(results) ? columnLines(results, most) : rankingLines(results, most);
  let most = hasColumns(results) ? results.rows.length : RANKED_SHOWN;
  while (most > 1 && bodyOf(most).length > lines) most--;
  return bodyOf(most);
}

/** Text as Markdown takes it for text: names from inputs make no tags, links or code. */
const plain = (text: string): string => printable(text).replace(/[\\`[\]<]/g, '\\$&');

const linesOf = (text: string, columns = MAIL_COLUMNS): string[] => wrap(plain(text), columns);

const verdictLines = (results: Results): string[] => {
  const { lead, also } = verdictOf(results);
  return linesOf([...lead, ...also.slice(0, 1)].map(phraseText).join(' '));
};

function columnLines(results: Results, most: number): string[] {
  const { policies, seeds } = results;
  const { telling: all, equal } = foldedRows(chosenRowsOf(results));
  const telling = all.slice(0, most);
  const more = all.length - telling.length;
  const layout = { columns: ROOM, isColoured: false, changes: 'second' } as const;
  const named = tableText(telling, layout);
  const rules = [...named.keys()].filter((line) => named[line].startsWith('─'));
  // Names that are broken into more than two lines are hard to read.
  const hasRoom = rules.length === 0 || (rules.length === 1 && rules[0] <= 2);
  const heads = policies.map((_, index) => `(${index + 1})`);
  const baseline = printable(shortPolicyName(policies[0].policy));
  const table = hasRoom
    ? named
    : [...numberedNames(results, heads), '', ...tableText(telling, { ...layout, heads })];
  const medians = seeds.length === 1 ? 'One seed.' : `Medians over ${seeds.length} seeds.`;
  const against =
    policies.length === 1 || telling.length === 0
      ? ''
      : ` Changes in the second column are against ${baseline}, the first.`;
  return [
    ...(telling.length === 0 ? [] : table.map((line) => `${INDENT}${line}`.trimEnd())),
    ...(more === 0 ? [] : [`${INDENT}${more} more rows in results.json`]),
    ...(equal.length === 0
      ? []
      : [...(telling.length === 0 ? [] : ['']), ...linesOf(`Equal for all: ${equalText(equal)}.`)]),
    '',
    ...linesOf(`${medians}${against}`),
  ];
}

/** `(1) linux-7.3`, in lines: for a table that has no room for names. */
const numberedNames = ({ policies }: Results, heads: readonly string[]): string[] =>
  policies.flatMap(({ policy }, index) =>
    wrap(`${heads[index]} ${printable(shortPolicyName(policy))}`, ROOM),
  );

const rankingLines = (results: Results, most: number): string[] =>
  rankingText(results, { columns: ROOM, isColoured: false }, most).map((line) =>
    line === '' ? '' : INDENT + line,
  );

function noteLines(notes: readonly string[], room: number): string[] {
  const lines: string[] = [];
  for (const note of notes) {
    const more = hanging('- ', linesOf(note, MAIL_COLUMNS - 2));
    if (lines.length + more.length + 1 > room) break;
    lines.push(...more);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** A word of a command line, quoted or not. */
const SHELL_WORD = /(?:'[^']*'|\\.|[^\s'])+/g;

/** The command in lines that a shell joins, broken only between words. */
function commandLines(command: string): string[] {
  const lines = filledLines(printable(command).match(SHELL_WORD) ?? [], ROOM - 4, ' ');
  return lines.map(
    (line, index) => `${INDENT}${index === 0 ? '' : '  '}${line}${index < lines.length - 1 ? ' \\' : ''}`,
  );
}

/** The comparison as a mail has it: plain text that is Markdown as well, at most 40 lines of at most 72 columns, the verdict first. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import wrapAnsi from 'wrap-ansi';
import { printable } from '../cli/printable.ts';
import { shortLabel } from './compact.ts';
import { hasColumns } from './has-columns.ts';
import { rankingText } from './ranking-table.ts';
import type { Results } from './results.ts';
import { chosenRowsOf, foldedRows } from './rows.ts';
import { tableText } from './table-text.ts';
import { formatValue } from './units.ts';
import { phraseText, verdictOf } from './verdict.ts';

export const MAIL_COLUMNS = 72;
export const MAIL_LINES = 40;
const MOST_NOTES = 3;
/** Ahead of a line that Markdown must leave as it is. */
const INDENT = '    ';
/** Policies that a ranking names. */
const MOST_RANKED = 10;

/** Ends with a line break. */
export function mailText(results: Results): string {
  const head = [...title(results), '', ...verdictLines(results), ''];
  const body = hasColumns(results) ? columnLines(results) : rankingLines(results);
  const end = ['', 'Reproduce:', '', ...commandLines(results.command)];
  const room = MAIL_LINES - head.length - body.length - end.length;
  const notes = [...results.cautions, ...results.notes].slice(0, MOST_NOTES);
  return `${[...head, ...body, ...noteLines(notes, room), ...end].slice(0, MAIL_LINES).join('\n')}\n`;
}

/** Text as Markdown takes it for text: names from inputs make no tags, links or code. */
const plain = (text: string): string => printable(text).replace(/[\\`[\]<]/g, '\\$&');

const wrapped = (text: string, columns = MAIL_COLUMNS): string[] =>
  wrapAnsi(plain(text), columns, { hard: true }).split('\n');

const title = ({ input, platform, memory, seeds }: Results): string[] =>
  wrapped(
    `decpool: ${input.name} on ${platform.name}, memory ${memory}, ${formatValue(input.requests, 'count')} requests, ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`,
  );

const verdictLines = (results: Results): string[] => {
  const { lead, also } = verdictOf(results);
  return wrapped([...lead, ...also.slice(0, 1)].map(phraseText).join(' '));
};

function columnLines(results: Results): string[] {
  const { policies, seeds } = results;
  const { telling, equal } = foldedRows(chosenRowsOf(results));
  const layout = {
    columns: MAIL_COLUMNS - INDENT.length,
    isColoured: false,
    changes: 'second',
  } as const;
  const same = equal.map(({ metric, cells: [{ value }] }) => `${shortLabel(metric)} ${value}`).join(', ');
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
  return [
    ...table.map((line) => `${INDENT}${line}`.trimEnd()),
    ...(same === '' ? [] : ['', ...wrapped(`Equal for all: ${same}.`)]),
    '',
    ...wrapped(`${medians} Changes in the second column are against ${baseline}, the first.`),
  ];
}

/** `(1) linux-7.3`, in lines: for a table that has no room for names. */
const numberedNames = ({ policies }: Results, heads: readonly string[]): string[] =>
  policies.flatMap(({ policy }, index) =>
    wrapAnsi(`${heads[index]} ${printable(shortPolicyName(policy))}`, MAIL_COLUMNS - INDENT.length, {
      hard: true,
    }).split('\n'),
  );

const rankingLines = (results: Results): string[] =>
  rankingText(results, { columns: MAIL_COLUMNS - INDENT.length, isColoured: false }, MOST_RANKED).map(
    (line) => (line === '' ? '' : `${INDENT}${line}`),
  );

/** As many of the notes as there is room for. */
function noteLines(notes: readonly string[], room: number): string[] {
  const lines: string[] = [];
  for (const note of notes) {
    const [first, ...rest] = wrapped(note, MAIL_COLUMNS - 2);
    const more = [`- ${first}`, ...rest.map((line) => `  ${line}`)];
    if (lines.length + more.length + 1 > room) break;
    lines.push(...more);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The command in lines that a shell joins, where a word is not longer than a line. */
function commandLines(command: string): string[] {
  const lines = wrapAnsi(printable(command), MAIL_COLUMNS - INDENT.length - 4, { trim: true }).split('\n');
  return lines.map((line, index) => {
    const end = index < lines.length - 1 ? ' \\' : '';
    return `${INDENT}${index === 0 ? '' : '  '}${line}${end}`;
  });
}

/**
 * The help of a command, laid out as its manual page. Examples, and what to see besides, each command adds itself with
 * addHelpText('after'): they come last, and are not wrapped.
 */
import type { Command, Help } from 'commander';
import { EXIT, EXIT_STATUS } from './exit-status.ts';

type Item = readonly [term: string, text: string];

const INDENT = '  ';

/** For Command.configureHelp(). */
export function manualPage(command: Command, helper: Help): string {
  const width = helper.helpWidth ?? 80;
  const isProgram = command.parent === null;
  const title = (text: string) => helper.styleTitle(text);
  const prose = (text: string) => indented(wrapped(text, helper, width - INDENT.length));
  const section = (name: string, ...lines: readonly string[]) => [title(name), ...lines, ''];
  const list = (name: string, items: readonly Item[]) =>
    items.length === 0 ? [] : section(name, ...itemLines(items, helper, width));

  return [
    ...section('NAME', prose(`${fullName(command)} - ${summaryOf(command)}`)),
    ...section('SYNOPSIS', prose(helper.commandUsage(command))),
    ...section('DESCRIPTION', prose(helper.commandDescription(command))),
    ...list(
      'ARGUMENTS',
      helper
        .visibleArguments(command)
        .map((argument) => [helper.argumentTerm(argument), helper.argumentDescription(argument)]),
    ),
    ...list(
      'OPTIONS',
      helper
        .visibleOptions(command)
        .map((option) => [helper.optionTerm(option), helper.optionDescription(option)]),
    ),
    ...list(
      'GLOBAL OPTIONS',
      isProgram
        ? []
        : helper
            .visibleGlobalOptions(command)
            .map((option) => [helper.optionTerm(option), helper.optionDescription(option)]),
    ),
    ...(isProgram ? section('COMMANDS', ...commandLines(command, helper, width)) : []),
    ...list(
      'EXIT STATUS',
      Object.entries(EXIT_STATUS).map(([name, text]) => [String(EXIT[name as keyof typeof EXIT]), text]),
    ),
    ...(isProgram ? [...list('ENVIRONMENT', ENVIRONMENT), ...list('FILES', FILES)] : []),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

const ENVIRONMENT: readonly Item[] = [
  ['NO_COLOR', 'When it is set, output has no colours. In a pipe or a file it never has.'],
  [
    'COLUMNS',
    'Width of tables and help where standard output is no terminal. A terminal says itself how wide it is.',
  ],
];

const FILES: readonly Item[] = [
  [
    'decpool.config.ts',
    'Settings for options, in the working directory; also .mts, .js or .mjs. examples/decpool.config.ts has every setting beside its default.',
  ],
];

/** `decpool compare`. */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** In one line, and without a full stop. */
const summaryOf = (command: Command): string =>
  command.summary() ||
  command
    .description()
    .replace(/\.$/, '')
    .replace(/^./, (first) => first.toLowerCase());

/** Under the heading of each group. */
function commandLines(program: Command, helper: Help, width: number): string[] {
  const visible = helper.visibleCommands(program);
  const terms = visible.map((command) => helper.subcommandTerm(command).length);
  const groups = new Map<string, Item[]>();
  for (const command of visible) {
    const group = command.helpGroup() || 'Help';
    const items = groups.get(group) ?? [];
    items.push([helper.subcommandTerm(command), helper.subcommandDescription(command)]);
    groups.set(group, items);
  }
  return [...groups].flatMap(([group, items], index) => [
    ...(index === 0 ? [] : ['']),
    `${INDENT}${group}`,
    ...itemLines(items, helper, width - INDENT.length, Math.max(...terms)).map(indented),
  ]);
}

/** Each term with its text beside it. */
function itemLines(items: readonly Item[], helper: Help, width: number, termWidth?: number): string[] {
  const widest = termWidth ?? Math.max(...items.map(([term]) => term.length));
  const room = width - INDENT.length - widest - INDENT.length;
  return items.map(([term, text]) => {
    const [first, ...others] = wrapped(text, helper, room).split('\n');
    const behind = ' '.repeat(INDENT.length + widest + INDENT.length);
    return [
      `${INDENT}${term.padEnd(widest)}${INDENT}${first}`,
      ...others.map((line) => `${behind}${line}`),
    ].join('\n');
  });
}

/** Lists without spaces, which commander leaves as they are, go on behind a comma; names of policies ahead of a plus. */
const wrapped = (text: string, helper: Help, room: number): string =>
  helper.boxWrap(
    text.replaceAll(/\S+/g, (word) => (word.length <= room ? word : cut(word, room))),
    room,
  );

function cut(word: string, room: number): string {
  const lines = [''];
  const items = word.split(/(?<=,)/).flatMap((item) => (item.length <= room ? item : item.split(/(?=\+)/)));
  for (const item of items) {
    const line = lines.length - 1;
    if (lines[line].length + item.length <= room) lines[line] += item;
    else lines.push(item);
  }
  return lines.filter((line) => line !== '').join('\n');
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, INDENT);

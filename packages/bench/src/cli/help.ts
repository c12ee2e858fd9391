/** Help, laid out as a manual page. */
import type { Command as CommanderCommand, Help, Option } from 'commander';
import { wrap } from '../text/wrap.ts';
import type { Command } from './declaration.ts';
import { EXIT, EXIT_STATUS } from './exit-status.ts';

type Item = readonly [term: string, text: string];
/** The lines of a section on a page that is so many columns wide. A section without lines is left out. */
type Body = (columns: number) => readonly string[];
type Section = readonly [title: string, body: Body];

const INDENT = '  ';
const ENVIRONMENT: readonly Item[] = [
  ['NO_COLOR', 'If it is set, output has no colours. Output into a pipe or a file never has any.'],
  ['COLUMNS', 'Width of tables and help if standard output is not a terminal (default: 100).'],
];
const FILES: readonly Item[] = [
  [
    'decpool.config.ts',
    'Settings for options, in the working directory; also .mts, .js or .mjs. examples/decpool.config.ts has every setting beside its default.',
  ],
];
const EXAMPLES = [
  'decpool compare',
  'decpool compare --workload netvsc --policy linux-6.12,./my-policy.ts',
  'decpool help compare',
];

/** For Command.configureHelp(). */
export const programPage = (program: CommanderCommand, helper: Help): string =>
  page(helper, [
    ...headOf(program, helper, program.name(), program.summary()),
    ['OPTIONS', list(itemsOf(helper.visibleOptions(program), helper))],
    ['COMMANDS', commandList(program, helper)],
    ['EXIT STATUS', list(exitStatus(EXIT_STATUS))],
    ['ENVIRONMENT', list(ENVIRONMENT)],
    ['FILES', list(FILES)],
    ['EXAMPLES', verbatim(EXAMPLES)],
    ['SEE ALSO', verbatim(['docs/cli.md and the documents that README.md lists'])],
  ]);

/** For Command.configureHelp(). */
export function commandPage(command: CommanderCommand, helper: Help, declared: Command): string {
  const { name, summary, different, section, examples = [], seeAlso } = declared;
  const texts = { ...EXIT_STATUS, different };
  const args = helper.visibleArguments(command);
  return page(helper, [
    ...headOf(command, helper, `decpool ${name}`, summary),
    ['ARGUMENTS', list(args.map((each) => [helper.argumentTerm(each), helper.argumentDescription(each)]))],
    ['OPTIONS', list(itemsOf(helper.visibleOptions(command), helper))],
    ['GLOBAL OPTIONS', list(itemsOf(helper.visibleGlobalOptions(command), helper))],
    ['EXIT STATUS', list(exitStatus(texts))],
    ...(section === undefined ? [] : [[section[0], verbatim(section[1].split('\n'))] as const]),
    ['EXAMPLES', verbatim(examples)],
    ['SEE ALSO', verbatim(seeAlso === undefined ? [] : [seeAlso])],
  ]);
}

function page(helper: Help, sections: readonly Section[]): string {
  const written = sections.flatMap(([title, body]) => {
    const lines = body(helper.helpWidth ?? 80);
    return lines.length === 0 ? [] : [[helper.styleTitle(title), ...lines].join('\n')];
  });
  return `${written.join('\n\n')}\n`;
}

const headOf = (command: CommanderCommand, helper: Help, name: string, summary: string): Section[] => [
  ['NAME', prose(`${name} - ${summary}`)],
  ['SYNOPSIS', prose(helper.commandUsage(command))],
  ['DESCRIPTION', prose(command.description())],
];

const itemsOf = (options: readonly Option[], helper: Help): Item[] =>
  options.map((each) => [helper.optionTerm(each), helper.optionDescription(each)]);

const exitStatus = (texts: Readonly<Record<keyof typeof EXIT, string | undefined>>): Item[] =>
  Object.entries(EXIT).flatMap(([name, code]) => {
    const text = texts[name as keyof typeof EXIT];
    return text === undefined ? [] : [[String(code), text]];
  });

/** Under the heading of each group. */
function commandList(program: CommanderCommand, helper: Help): Body {
  const commands = helper.visibleCommands(program);
  const term = Math.max(...commands.map((command) => helper.subcommandTerm(command).length));
  const groupOf = (command: CommanderCommand) => command.helpGroup() || 'Help';
  return (columns) =>
    [...new Set(commands.map(groupOf))].flatMap((group, index) => {
      const items = commands
        .filter((each) => groupOf(each) === group)
        .map((each): Item => [helper.subcommandTerm(each).padEnd(term), helper.subcommandDescription(each)]);
      const lines = indented(list(items)(columns - INDENT.length));
      return [...(index === 0 ? [] : ['']), `${INDENT}${group}`, ...lines];
    });
}

const indented = (lines: readonly string[]): string[] =>
  lines.map((line) => (line === '' ? '' : INDENT + line));

/** Examples and files are not wrapped. */
const verbatim =
  (lines: readonly string[]): Body =>
  () =>
    indented(lines);

const prose =
  (text: string): Body =>
  (columns) =>
    indented(wrapLists(text, columns - INDENT.length));

/** Terms, with their texts beside them. */
const list =
  (items: readonly Item[]): Body =>
  (columns) => {
    const widest = Math.max(...items.map(([term]) => term.length));
    const room = columns - widest - 2 * INDENT.length;
    return items.flatMap(([term, text]) =>
      wrapLists(text, room).map(
        (line, index) => INDENT + (index === 0 ? term : '').padEnd(widest) + INDENT + line,
      ),
    );
  };

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

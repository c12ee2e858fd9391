/** Help, as a manual page. */
import type { Command as CommanderCommand, Help, Option } from 'commander';
import type { Command } from './declaration.ts';
import { EXIT, EXIT_STATUS } from './exit-status.ts';
import type { Item, Page, Section } from './page.ts';

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

export const programPage = (program: CommanderCommand, helper: Help): Page => [
  ...headOf(program, helper, program.name(), program.summary()),
  ['OPTIONS', { list: itemsOf(helper.visibleOptions(program), helper) }],
  ['COMMANDS', { groups: commandGroups(program, helper) }],
  ['EXIT STATUS', { list: exitStatus(EXIT_STATUS) }],
  ['ENVIRONMENT', { list: ENVIRONMENT }],
  ['FILES', { list: FILES }],
  ['EXAMPLES', { verbatim: EXAMPLES }],
  ['SEE ALSO', { verbatim: ['docs/cli.md; docs/README.md: which page answers which question'] }],
];

export function commandPage(command: CommanderCommand, helper: Help, declared: Command): Page {
  const { name, summary, different, section, examples = [], seeAlso } = declared;
  const texts = { ...EXIT_STATUS, different };
  const args = helper.visibleArguments(command);
  return [
    ...headOf(command, helper, `decpool ${name}`, summary),
    [
      'ARGUMENTS',
      { list: args.map((each) => [helper.argumentTerm(each), helper.argumentDescription(each)]) },
    ],
    ['OPTIONS', { list: itemsOf(helper.visibleOptions(command), helper) }],
    ['GLOBAL OPTIONS', { list: itemsOf(helper.visibleGlobalOptions(command), helper) }],
    ['EXIT STATUS', { list: exitStatus(texts) }],
    ...(section === undefined ? [] : [[section[0], { verbatim: section[1].split('\n') }] as const]),
    ['EXAMPLES', { verbatim: examples }],
    ['SEE ALSO', { verbatim: seeAlso === undefined ? [] : [seeAlso] }],
  ];
}

const headOf = (command: CommanderCommand, helper: Help, name: string, summary: string): Section[] => [
  ['NAME', { prose: `${name} - ${summary}` }],
  ['SYNOPSIS', { prose: helper.commandUsage(command) }],
  ['DESCRIPTION', { prose: command.description() }],
];

const itemsOf = (options: readonly Option[], helper: Help): Item[] =>
  options.map((each) => [helper.optionTerm(each), helper.optionDescription(each)]);

const exitStatus = (texts: Readonly<Record<keyof typeof EXIT, string | undefined>>): Item[] =>
  Object.entries(EXIT).flatMap(([name, code]) => {
    const text = texts[name as keyof typeof EXIT];
    return text === undefined ? [] : [[String(code), text]];
  });

function commandGroups(program: CommanderCommand, helper: Help): (readonly [group: string, items: Item[]])[] {
  const commands = helper.visibleCommands(program);
  const groupOf = (command: CommanderCommand) => command.helpGroup() || 'Help';
  return [...new Set(commands.map(groupOf))].map((group) => [
    group,
    commands
      .filter((each) => groupOf(each) === group)
      .map((each): Item => [helper.subcommandTerm(each), helper.subcommandDescription(each)]),
  ]);
}

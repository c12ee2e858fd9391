/** The program around the commands: its help, its version, and where settings for a command's options come from. */
import { styleText } from 'node:util';
import { InputError } from '@decpool/model';
import { Argument, Command as CommanderCommand, type Help, Option } from 'commander';
import { VERSION } from '../files/version.ts';
import { commandLine } from './command-line.ts';
import { COMMANDS } from './commands/all.ts';
import { type Command, file, flag, oppositeOf, type Parameter, settableOptions } from './declaration.ts';
import { commandPage, programPage } from './help.ts';
import type { Output } from './output.ts';
import { type Page, pageText } from './page.ts';
import { type Setting, settingsIn } from './settings.ts';

/** One call of decpool. */
interface Invocation {
  /** What was typed behind `decpool`. */
  readonly words: readonly string[];
  readonly output: Output;
  /** Sets the exit code. */
  exit(code: number): void;
}

/** Options of every command. `--config` and `--no-config` are one value: a file, false, or true by default. */
export const GLOBAL_OPTIONS: readonly Parameter[] = [
  file(
    '--config <file>',
    'read settings from this file (default: decpool.config.ts in the working directory)',
  ),
  flag('--no-config', 'ignore config files'),
];

const COMMAND_LIST: readonly Command[] = Object.values(COMMANDS).flatMap((group) => Object.values(group));

/** Runs what was typed. Throws CommanderError if it is no command, and InputError for invalid input. */
export async function run(invocation: Invocation): Promise<void> {
  await programOf(invocation).parseAsync(invocation.words, { from: 'user' });
}

/** The program with all of its commands. */
export function programOf(invocation: Invocation): CommanderCommand {
  const { output } = invocation;
  const program = new CommanderCommand('decpool')
    .summary('compare policies for a pool of decrypted memory in confidential Linux guests')
    .description(
      'Runs allocator policies on recorded kernel requests and on generated workloads. Counts what they do to the direct map and to the host. Every run is an event log, which can be replayed, searched, stepped through and forked.',
    )
    .version(VERSION, '--version', 'print the version of decpool')
    .showHelpAfterError('(see decpool --help)')
    .exitOverride()
    .configureOutput({
      writeOut: output.write,
      writeErr: output.tell,
      outputError: (text, write) => write(text.replace(/^error: /, 'decpool: ')),
      getOutHelpWidth: () => output.columns,
      getErrHelpWidth: () => output.columns,
      getOutHasColors: () => output.isColoured,
      getErrHasColors: () => false,
    })
    .configureHelp({
      formatHelp: (command, helper) => textOf(programPage(command, helper), helper),
      showGlobalOptions: true,
      // Commander's 40 columns for the text beside an option are too many in a narrow terminal.
      minWidthToWrap: 20,
      styleTitle: (title) => styleText('bold', title),
    });
  for (const option of GLOBAL_OPTIONS) program.addOption(commanderOption(option));
  for (const [group, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(group);
    for (const command of Object.values(commands)) addCommand(program, command, invocation);
  }
  return program;
}

const textOf = (page: Page, helper: Help): string =>
  pageText(page, helper.helpWidth ?? 80, (title) => helper.styleTitle(title));

/** What `decpool --help` says, on a page of any width. */
export function helpPage(): Page {
  const output: Output = { write() {}, tell() {}, isColoured: false, columns: 100, isWatched: false };
  const program = programOf({ words: [], output, exit: () => {} });
  return programPage(program, program.createHelp());
}

function addCommand(program: CommanderCommand, declared: Command, invocation: Invocation): void {
  const command = program
    .command(declared.name)
    .summary(declared.summary)
    .description(declared.description)
    .showHelpAfterError(`(see decpool ${declared.name} --help)`);
  command.configureHelp({
    ...program.configureHelp(),
    formatHelp: (_, helper) => textOf(commandPage(command, helper, declared), helper),
  });
  const { arguments: args = {}, options = {} } = declared;
  for (const { flags, text, choices } of Object.values(args)) {
    const argument = new Argument(flags, text);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of Object.values(options)) command.addOption(commanderOption(option));
  for (const option of settableOptions(declared).values()) {
    command.addOption(new Option(oppositeOf(option)).hideHelp());
  }
  command.action(async () => {
    const { output, words, exit } = invocation;
    const { file, settings } = await settingsFor(program, command, declared);
    const inUse = `settings from ${file}: ${settings.map(({ name }) => name).join(', ')}`;
    if (settings.length > 0 && output.isWatched) output.tell(`decpool: ${inUse}\n`);
    const given = {
      ...Object.fromEntries(Object.keys(args).map((name, at) => [name, command.processedArgs[at]])),
      ...optionValues(command, options, settings),
    };
    try {
      const code = await declared.run(given, {
        ...{ output, commands: COMMAND_LIST, globalOptions: GLOBAL_OPTIONS },
        isTyped: (name) => isTyped(command, name),
        commandLine: () => commandLine(words, declared, settings),
      });
      if (code !== undefined) exit(code);
    } catch (error) {
      // The cause may be a setting.
      if (!(error instanceof InputError) || settings.length === 0) throw error;
      throw new InputError(`${error.message}\n(${inUse})`);
    }
  });
}

function commanderOption(option: Parameter): Option {
  const made = new Option(option.flags, option.text);
  if (option.default !== undefined) made.default(option.default, option.defaultText);
  if (option.choices !== undefined) made.choices(option.choices);
  if (option.parse !== undefined) made.argParser(option.parse);
  if (option.preset !== undefined) made.preset(option.preset);
  return made.makeOptionMandatory(option.isRequired === true);
}

/** Settings of the config file that the command line does not override. Throws InputError if anything in the file is wrong. */
async function settingsFor(
  program: CommanderCommand,
  command: CommanderCommand,
  declared: Command,
): Promise<{ readonly file?: string; readonly settings: readonly Setting[] }> {
  const config: unknown = program.getOptionValue('config');
  const named = typeof config === 'string' ? config : undefined;
  const hasSettings = settableOptions(declared).size > 0;
  if (config === false || (named === undefined && !hasSettings)) return { settings: [] };
  const { configFile, readConfig } = await import('./config-file.ts');
  const file = configFile(named);
  if (file === undefined) return { settings: [] };
  const settings = settingsIn(await readConfig(file), file, COMMANDS).get(declared.name) ?? [];
  return { file, settings: settings.filter(({ option }) => !isTyped(command, option)) };
}

const isTyped = (command: CommanderCommand, option: string): boolean =>
  command.getOptionValueSource(option) === 'cli';

function optionValues(
  command: CommanderCommand,
  options: NonNullable<Command['options']>,
  settings: readonly Setting[],
): Record<string, unknown> {
  const values = command.opts();
  for (const { option, value } of settings) values[option] = value;
  for (const [name, option] of Object.entries(options)) {
    // `--no-workload` was typed: as by default.
    if (option.kind === 'switch' || values[name] !== false) continue;
    if (option.default === undefined) delete values[name];
    else values[name] = option.default;
  }
  return values;
}

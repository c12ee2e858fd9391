/** What a shell can complete. */
import { type Command, isValueOptional, longOf, type Parameter, placeholderOf } from '../declaration.ts';

export interface Completable {
  readonly commands: readonly CompletableCommand[];
  /** Ahead of a command. */
  readonly options: readonly CompletableOption[];
}

export interface CompletableCommand {
  readonly name: string;
  readonly text: string;
  /** Its own, and those of every command. */
  readonly options: readonly CompletableOption[];
  readonly arguments: readonly Values[];
  /** Whether the last argument may be given again and again. */
  readonly isVariadic: boolean;
}

export interface CompletableOption {
  /** `--lines`, and `-n` if there is one. */
  readonly names: readonly string[];
  readonly text: string;
  /** Of an option that takes one. */
  readonly values?: Values;
  /** Whether it may also stand alone. */
  readonly isOptional: boolean;
}

/** Words without characters that are special in a shell, files, both, or neither. */
export interface Values {
  /** The placeholder in the help. */
  readonly name: string;
  readonly words: readonly string[];
  readonly isFile: boolean;
  /** Whether several may be given, separated by commas. */
  readonly isList: boolean;
}

const HELP: Parameter = { flags: '-h, --help', text: 'display help for command', kind: 'switch' };
const VERSION: Parameter = { flags: '--version', text: 'print the version of decpool', kind: 'switch' };

export async function completable(
  commands: readonly Command[],
  globalOptions: readonly Parameter[],
): Promise<Completable> {
  const help: Command = {
    name: 'help',
    summary: HELP.text,
    description: '',
    arguments: {
      command: { flags: '[command]', text: '', kind: 'text', choices: commands.map(({ name }) => name) },
    },
    run: async () => undefined,
  };
  return {
    commands: await Promise.all([...commands, help].map((each) => completableCommand(each, globalOptions))),
    options: await optionsOf([VERSION, HELP, ...globalOptions]),
  };
}

async function completableCommand(
  { name, summary, arguments: args = {}, options = {} }: Command,
  globalOptions: readonly Parameter[],
): Promise<CompletableCommand> {
  const parameters = Object.values(args);
  return {
    name,
    text: summary,
    options: await optionsOf([...Object.values(options), HELP, ...globalOptions]),
    arguments: await Promise.all(parameters.map((each) => valuesOf(each, placeholderOf(each) ?? ''))),
    isVariadic: parameters.at(-1)?.flags.includes('...') === true,
  };
}

const optionsOf = (options: readonly Parameter[]): Promise<CompletableOption[]> =>
  Promise.all(
    options.map(async (option) => {
      const placeholder = placeholderOf(option);
      return {
        names: [longOf(option), ...(/^-\w/.exec(option.flags) ?? [])],
        // Lists in a terminal have little room.
        text: option.text.split(/[;:] /)[0],
        isOptional: isValueOptional(option),
        ...(placeholder === undefined ? {} : { values: await valuesOf(option, placeholder) }),
      };
    }),
  );

const valuesOf = async ({ words, choices, isFile, kind }: Parameter, name: string): Promise<Values> => ({
  name,
  words: choices ?? (await words?.()) ?? [],
  isFile: isFile === true,
  isList: kind === 'list',
});

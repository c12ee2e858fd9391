/** What a shell can complete. */
import { type Command, isValueOptional, longOf, type Parameter, placeholderOf } from '../declaration.ts';

export interface Completable {
  readonly commands: readonly CompletableCommand[];
  /** Ahead of a command. */
  readonly options: readonly CompletableOption[];
  /** Lists of words by their names: many values share a list. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
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
  readonly values: Values | undefined;
  /** Whether it may also stand alone. */
  readonly isOptional: boolean;
}

/** Words, files, both, or neither. */
export interface Values {
  /** The placeholder in the help. */
  readonly name: string;
  /** Name of the list of its words, which have no characters that are special in a shell. */
  readonly list: string | undefined;
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
  const lists = new Map<string, readonly string[]>();
  const optionsOf = (options: readonly Parameter[]) =>
    Promise.all(options.map((each) => optionOf(each, lists)));
  const made = {
    options: await optionsOf([VERSION, HELP, ...globalOptions]),
    commands: await Promise.all(
      [...commands, help].map(async ({ name, summary, arguments: args = {}, options = {} }) => {
        const parameters = Object.values(args);
        return {
          name,
          text: summary,
          options: await optionsOf([...Object.values(options), HELP, ...globalOptions]),
          arguments: await Promise.all(
            parameters.map((each) => valuesOf(each, placeholderOf(each) ?? '', lists)),
          ),
          isVariadic: parameters.at(-1)?.flags.includes('...') === true,
        };
      }),
    ),
  };
  // Sorted: values are found in any order.
  return { ...made, lists: new Map([...lists].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

type Lists = Map<string, readonly string[]>;

async function optionOf(option: Parameter, lists: Lists): Promise<CompletableOption> {
  const placeholder = placeholderOf(option);
  return {
    names: [longOf(option), ...(/^-\w/.exec(option.flags) ?? [])],
    // Lists in a terminal have little room.
    text: option.text.split(/[;:] /)[0],
    isOptional: isValueOptional(option),
    values: placeholder === undefined ? undefined : await valuesOf(option, placeholder, lists),
  };
}

async function valuesOf(
  { words, choices, isFile = false, kind }: Parameter,
  name: string,
  lists: Lists,
): Promise<Values> {
  const all = choices ?? (await words?.()) ?? [];
  const list =
    all.length === 0 ? undefined : `words_${all.length}_${`${all[0]}${all.at(-1)}`.replace(/\W/g, '_')}`;
  if (list !== undefined) lists.set(list, all);
  return { name, list, isFile, isList: kind === 'list' };
}

/** Settings of a config file, as options of commands: what may be set, and what each stands for on a command line. */
import { InputError, unknownName } from '@decpool/model';
import { type Command, CommanderError, Option } from 'commander';

/** A setting that the file makes. */
export interface Setting {
  /** `compare.seeds`. */
  readonly name: string;
  /** As Command.getOptionValue() knows it. */
  readonly attribute: string;
  readonly value: unknown;
  /** The option that says the same, in words. */
  readonly words: readonly string[];
}

/** `check-policy` is `checkPolicy`. */
export const configKey = (command: Command): string =>
  command.name().replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Options that a file may set: those that the help lists, but for any that each call has to give. */
export const settableOptions = (command: Command): readonly Option[] =>
  command.options.filter(({ hidden, mandatory }) => !hidden && !mandatory);

/** The commands that have any. */
const settableCommands = (program: Command): ReadonlyMap<string, Command> =>
  new Map(
    program.commands
      .filter((command) => settableOptions(command).length > 0)
      .map((command) => [configKey(command), command]),
  );

/** An option without a value, as `--pcp` or `--no-rerun`. */
const isSwitch = ({ required, optional }: Option): boolean => !required && !optional;

/** A list that is separated by commas on a command line. */
const isList = ({ flags }: Option): boolean => /<(list|files)>/.test(flags);

/** An option whose value is a number, or begins with one. */
const isNumeric = ({ parseArg, argChoices, defaultValue }: Option): boolean =>
  (parseArg !== undefined && argChoices === undefined) || /^\d+$/.test(String(defaultValue));

/**
 * Gives every option that a file may set its opposite, unlisted: `--no-pcp`, `--word-access`, and `--no-workload` for an option
 * with a value, after which it is as by default. So a command can undo a setting.
 */
export function addOpposites(command: Command): void {
  for (const { long, negate } of settableOptions(command)) {
    if (typeof long !== 'string') continue;
    const opposite = negate ? long.replace(/^--no-/, '--') : long.replace(/^--/, '--no-');
    command.addOption(new Option(opposite).hideHelp());
  }
}

/**
 * Checks everything that a file says, and returns what it has otherwise than by default, for each command by its key. Throws InputError for commands,
 * settings and values that there are not; `file` is its name for that.
 */
export function settingsIn(
  config: unknown,
  file: string,
  program: Command,
): ReadonlyMap<string, readonly Setting[]> {
  if (!isRecord(config)) {
    const what = config === undefined ? 'it has no default export' : 'its default export is not an object';
    throw new InputError(`${file}: ${what}; expected a default export such as { compare: { seeds: 7 } }`);
  }
  const commands = settableCommands(program);
  const settings = new Map<string, readonly Setting[]>();
  for (const [key, given] of Object.entries(config)) {
    const command = commands.get(key);
    if (command === undefined) {
      throw unknownName({
        kind: 'command',
        given: key,
        known: [...commands.keys()],
        listedBy: 'decpool --help',
        place: file,
      });
    }
    if (given === undefined) continue;
    if (!isRecord(given)) throw new InputError(`${file}: ${key}: expected an object with settings`);
    settings.set(key, commandSettings(given, command, file));
  }
  return settings;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function commandSettings(
  given: Readonly<Record<string, unknown>>,
  command: Command,
  file: string,
): readonly Setting[] {
  const options = new Map(settableOptions(command).map((option) => [option.attributeName(), option]));
  return Object.entries(given).flatMap(([attribute, value]) => {
    const name = `${configKey(command)}.${attribute}`;
    const option = options.get(attribute);
    if (option === undefined) {
      throw unknownName({
        kind: `setting of ${configKey(command)}`,
        given: attribute,
        known: [...options.keys()],
        listedBy: `decpool ${command.name()} --help`,
        place: file,
      });
    }
    if (value === undefined) return [];
    const setting = { name, attribute, ...parsed(value, option, `${file}: ${name}`) };
    return setting.words.length === 0 ? [] : [setting];
  });
}

/** Without words where it is as by default. */
function parsed(given: unknown, option: Option, place: string): Pick<Setting, 'value' | 'words'> {
  if (isSwitch(option)) {
    if (typeof given !== 'boolean') throw new InputError(`${place}: expected true or false`);
    // `--pcp` says true, `--no-rerun` says false.
    return { value: given, words: given === option.negate ? [] : [String(option.long)] };
  }
  // `--map` alone, or not at all.
  if (option.optional && typeof given === 'boolean') {
    if (!given) return { value: option.defaultValue, words: [] };
    return { value: option.presetArg ?? true, words: [String(option.long)] };
  }
  const text = textOf(given, option, place);
  // What the command says of it would name an option that nobody typed.
  if (isList(option) && text.split(',').some((item) => item.trim() === '')) {
    const without = 'remove the setting for the default';
    throw new InputError(
      `${place}: ${text === '' ? `the list is empty; ${without}` : 'an item of the list is empty; remove it'}`,
    );
  }
  const value = parsedText(text, option, place);
  if (value === option.defaultValue) return { value, words: [] };
  if (option.optional) return { value, words: [`${option.long}=${text}`] };
  // A value that looks like an option has to be joined to its own.
  return {
    value,
    words: text.startsWith('-') ? [`${option.long}=${text}`] : [String(option.long), text],
  };
}

/** What would be typed. */
function textOf(given: unknown, option: Option, place: string): string {
  if (typeof given === 'string') return given;
  if (typeof given === 'number' && isNumeric(option)) return String(given);
  const isItem = (item: unknown) => typeof item === 'string' || typeof item === 'number';
  if (Array.isArray(given) && isList(option) && given.every(isItem)) return given.join(',');
  const expected = isList(option)
    ? 'a list, or text with commas'
    : isNumeric(option)
      ? 'a number'
      : 'text, in quotes';
  throw new InputError(`${place}: expected ${expected}`);
}

function parsedText(text: string, option: Option, place: string): unknown {
  if (option.parseArg === undefined) return text;
  try {
    return option.parseArg<unknown>(text, undefined);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new InputError(`${place}: '${text}': ${error.message}`);
  }
}

/** Sets what the command itself does not, and returns that. */
export function applySettings(command: Command, settings: readonly Setting[]): readonly Setting[] {
  const isTyped = (attribute: string) => command.getOptionValueSource(attribute) === 'cli';
  const applied = settings.filter(({ attribute }) => !isTyped(attribute));
  for (const { attribute, value } of applied) command.setOptionValueWithSource(attribute, value, 'config');
  for (const option of settableOptions(command)) {
    const attribute = option.attributeName();
    // `--no-workload` was typed.
    if (!isSwitch(option) && command.getOptionValue(attribute) === false) {
      command.setOptionValueWithSource(attribute, option.defaultValue, 'cli');
    }
  }
  return applied;
}

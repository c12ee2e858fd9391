/** Settings of a config file, as options of commands. */
import { InputError } from '@decpool/model';
import { unknownName } from '@decpool/model/internal';
import { CommanderError } from 'commander';
import {
  type Command,
  isNegated,
  isValueOptional,
  longOf,
  type Parameter,
  settableOptions,
} from './declaration.ts';

/** A setting that the file makes. */
export interface Setting {
  /** `compare.seeds`. */
  readonly name: string;
  /** `seeds`. */
  readonly option: string;
  readonly value: unknown;
  /** The same on a command line. */
  readonly words: readonly string[];
}

type CommandGroups = Readonly<Record<string, Readonly<Record<string, Command>>>>;

/**
 * Checks everything that a file says. Returns what differs from the defaults, by the name of the command. Throws InputError for
 * unknown commands and settings and for wrong values; `file` is its name for that.
 */
export function settingsIn(
  config: unknown,
  file: string,
  groups: CommandGroups,
): ReadonlyMap<string, readonly Setting[]> {
  if (!isRecord(config)) {
    const what = config === undefined ? 'it has no default export' : 'its default export is not an object';
    throw new InputError(`${file}: ${what}; expected a default export such as { compare: { seeds: 7 } }`);
  }
  const commands = new Map(
    Object.values(groups)
      .flatMap((group) => Object.entries(group))
      .filter(([, command]) => settableOptions(command).size > 0),
  );
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
    settings.set(command.name, commandSettings(given, key, command, file));
  }
  return settings;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function commandSettings(
  given: Readonly<Record<string, unknown>>,
  key: string,
  command: Command,
  file: string,
): readonly Setting[] {
  const options = settableOptions(command);
  return Object.entries(given).flatMap(([name, value]) => {
    const option = options.get(name);
    if (option === undefined) {
      throw unknownName({
        kind: `setting of ${key}`,
        given: name,
        known: [...options.keys()],
        listedBy: `decpool ${command.name} --help`,
        place: file,
      });
    }
    if (value === undefined) return [];
    const setting = {
      name: `${key}.${name}`,
      option: name,
      ...parsed(value, option, `${file}: ${key}.${name}`),
    };
    return setting.words.length === 0 ? [] : [setting];
  });
}

/** The words are empty for the default. */
function parsed(given: unknown, option: Parameter, place: string): Pick<Setting, 'value' | 'words'> {
  const long = longOf(option);
  if (option.kind === 'switch') {
    if (typeof given !== 'boolean') throw new InputError(`${place}: expected true or false`);
    // `--pcp` says true, `--no-rerun` says false.
    return { value: given, words: given === isNegated(option) ? [] : [long] };
  }
  if (isValueOptional(option) && typeof given === 'boolean') {
    return given ? { value: option.preset, words: [long] } : { value: option.default, words: [] };
  }
  const text = textOf(given, option, place);
  // The command's own message would name an option that nobody typed.
  if (option.kind === 'list' && text.split(',').some((item) => item.trim() === '')) {
    const mistake =
      text === ''
        ? 'the list is empty; remove the setting for the default'
        : 'an item of the list is empty; remove it';
    throw new InputError(`${place}: ${mistake}`);
  }
  const value = parsedText(text, option, place);
  if (value === option.default) return { value, words: [] };
  // A value that looks like an option has to be joined to its own.
  const isJoined = isValueOptional(option) || text.startsWith('-');
  return { value, words: isJoined ? [`${long}=${text}`] : [long, text] };
}

const EXPECTED = { text: 'text, in quotes', number: 'a number', list: 'a list, or text with commas' };

/** What would be typed. */
function textOf(given: unknown, { kind }: Parameter, place: string): string {
  const isItem = (item: unknown) => typeof item === 'string' || typeof item === 'number';
  if (typeof given === 'string') return given;
  if (kind === 'number' && typeof given === 'number') return String(given);
  if (kind === 'list' && Array.isArray(given) && given.every(isItem)) return given.join(',');
  throw new InputError(`${place}: expected ${EXPECTED[kind === 'switch' ? 'text' : kind]}`);
}

function parsedText(text: string, option: Parameter, place: string): unknown {
  const { choices, parse } = option;
  if (choices !== undefined && !choices.includes(text)) {
    throw new InputError(`${place}: '${text}': expected one of ${choices.join(', ')}`);
  }
  try {
    return parse === undefined ? text : parse(text);
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof InputError)) throw error;
    throw new InputError(`${place}: '${text}': ${error.message}`);
  }
}

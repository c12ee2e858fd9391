/** How commands are declared. Parsing, help, settings and completion derive from the declarations. */
import { InvalidArgumentError } from 'commander';
import type { Output } from './output.ts';

/** What a config file may have for each kind of parameter. */
interface SettingTypes {
  readonly switch: boolean;
  readonly text: string;
  readonly number: number | string;
  /** As on a command line, `a,b`, or its items. */
  readonly list: string | readonly (string | number)[];
}

export type Kind = keyof SettingTypes;

/** An argument or an option. The command gets a `Value`; it has undefined if the parameter may be left out. */
export interface Parameter<Value = unknown, K extends Kind = Kind> {
  /** `<log>`, `<recording...>`, `--seeds <n>`, `-n, --lines <events>`, `--map [what]`, `--pcp` or `--no-rerun`. */
  readonly flags: string;
  /** For help, a line of completion and the example of a config file. */
  readonly text: string;
  readonly kind: K;
  readonly default?: Value;
  /** How help shows the default. */
  readonly defaultText?: string;
  /** Throws InvalidArgumentError. */
  readonly parse?: (text: string) => Value;
  /** The only values there are. */
  readonly choices?: readonly string[];
  /** The value of an option that is given without one. */
  readonly preset?: string;
  /** Each call has to give this option, so no config file can. */
  readonly isRequired?: boolean;
  /** Says where and how results are shown. Left out of the command that a report names. */
  readonly isPresentation?: boolean;
  /** Values that a shell completes. */
  readonly words?: () => readonly string[] | Promise<readonly string[]>;
  /** Whether a shell completes names of files. */
  readonly isFile?: boolean;
}

export type Parameters = Readonly<Record<string, Parameter>>;

type ValueOf<P> = P extends Parameter<infer Value> ? Value : never;
type Omittable<P> = { [Name in keyof P]: undefined extends ValueOf<P[Name]> ? Name : never }[keyof P];

/** The values of parameters, each by its name. */
export type Values<P extends Parameters> = {
  readonly [Name in Exclude<keyof P, Omittable<P>>]: ValueOf<P[Name]>;
} & { readonly [Name in Omittable<P>]?: Exclude<ValueOf<P[Name]>, undefined> };

/** The program around a command. */
export interface CommandContext {
  readonly output: Output;
  /** All commands, and the options of each of them. */
  readonly commands: readonly Command[];
  readonly globalOptions: readonly Parameter[];
  /** Whether an option stands on the command line, not only in a config file. */
  isTyped(option: string): boolean;
  /** The command as typed, for reports: it reproduces them. */
  commandLine(): string;
}

export interface Command<Arguments extends Parameters = Parameters, Options extends Parameters = Parameters> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly description: string;
  readonly arguments?: Arguments;
  /** By their long names in camelCase. */
  readonly options?: Options;
  /** When it exits with 1. */
  readonly different?: string;
  /** A section of the help ahead of the examples: its title and its lines. */
  readonly section?: readonly [title: string, text: string];
  readonly examples?: readonly string[];
  readonly seeAlso?: string;
  /** Returns the exit code (default: 0). Loads what it needs, so that other commands start fast. */
  run(given: Values<Arguments & Options>, context: CommandContext): Promise<number | undefined>;
}

type None = Record<never, never>;

/** A command, with the types of its values taken from its parameters. */
export const command = <Arguments extends Parameters = None, Options extends Parameters = None>(
  declared: Command<Arguments, Options>,
): Command<Arguments, Options> => declared;

/** Other properties that a constructor of parameters takes. */
type More = Omit<Parameter, 'flags' | 'text' | 'kind' | 'default' | 'parse'>;
type WithDefault<Default> = More & { readonly default?: Default };

/** `--pcp`; or `--no-rerun`, which is true unless the option is given. */
export const flag = <Flags extends string>(
  flags: Flags,
  text: string,
  more: { readonly isPresentation?: true } = {},
): Parameter<Flags extends `--no-${string}` ? boolean : boolean | undefined, 'switch'> => ({
  ...{ flags, text, kind: 'switch' },
  ...more,
});

/** An argument, as `<log>`. */
export const argument = (flags: string, text: string, more: More = {}): Parameter<string, 'text'> => ({
  flags,
  text,
  kind: 'text',
  ...more,
});

/** The path of a file or a folder, as an argument. */
export const fileArgument = (flags: string, text: string) => argument(flags, text, { isFile: true });

export const text = <Default extends string | undefined = undefined>(
  flags: string,
  text: string,
  more: WithDefault<Default> = {},
): Parameter<string | Default, 'text'> => ({ flags, text, kind: 'text', ...more });

/** The path of a file or a folder, as an option. */
export const file: typeof text = (flags, help, more) => text(flags, help, { isFile: true, ...more });

/** Items that are separated by commas. */
export const list = <Default extends string | undefined = undefined>(
  flags: string,
  text: string,
  more: WithDefault<Default> = {},
): Parameter<string | Default, 'list'> => ({ flags, text, kind: 'list', ...more });

/** One of these words. */
export const choice = <const Words extends readonly string[], Default extends string | undefined = undefined>(
  flags: string,
  text: string,
  choices: Words,
  more: WithDefault<Default & (Words[number] | undefined)> = {},
): Parameter<Words[number] | Default, 'text'> => ({ flags, text, kind: 'text', choices, ...more });

interface NumberOptions<Default> extends WithDefault<Default> {
  readonly from: number;
  readonly to: number;
  /** Default: of a whole number. */
  readonly parse?: (text: string) => number;
}

/** A number within bounds. */
export const number = <Default extends number | undefined = undefined>(
  flags: string,
  text: string,
  { from, to, ...more }: NumberOptions<Default>,
): Parameter<number | Default, 'number'> => ({
  ...{ flags, text, kind: 'number' },
  parse(given) {
    const value = Number(given);
    if (/^\d+$/.test(given) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`expected a whole number from ${from} to ${to}.`);
  },
  ...more,
});

/** A number of events, or the position of one. */
export const eventNumber = <Default extends number | undefined = undefined>(
  flags: string,
  text: string,
  more: WithDefault<Default> = {},
): Parameter<number | Default, 'number'> =>
  number(flags, text, { from: 0, to: Number.MAX_SAFE_INTEGER, ...more });

/** An option that each call has to give. */
export const required = <Value, K extends Kind>(
  parameter: Parameter<Value, K>,
): Parameter<Exclude<Value, undefined>, K> => ({
  ...(parameter as Parameter<Exclude<Value, undefined>, K>),
  isRequired: true,
});

/** The option, or the one argument, behind the dashes: `--seeds`. */
export const longOf = ({ flags }: Parameter): string => /--[\w-]+/.exec(flags)?.[0] ?? flags;

/** What an option's value, or an argument, is called in help: `n`; undefined for a switch. */
export const placeholderOf = ({ flags }: Parameter): string | undefined =>
  /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1];

/** An option that may stand with or without its value, as `--map [what]`. */
export const isValueOptional = ({ flags }: Parameter): boolean => flags.includes('[');

export const isNegated = ({ flags }: Parameter): boolean => flags.startsWith('--no-');

/** What undoes an option and its setting: `--no-pcp` for `--pcp`, `--rerun` for `--no-rerun`. */
export const oppositeOf = (option: Parameter): string =>
  isNegated(option) ? longOf(option).replace('--no-', '--') : longOf(option).replace('--', '--no-');

/** The options of a command that a config file may set, by their names. */
export const settableOptions = ({ options = {} }: Command): ReadonlyMap<string, Parameter> =>
  new Map(Object.entries(options).filter(([, { isRequired }]) => isRequired !== true));

/** What a config file may have for a command. Undefined is as if a setting were not there. */
export type SettingsOf<C> =
  C extends Command<Parameters, infer Options>
    ? { readonly [Name in keyof Options]?: SettingOf<Options[Name]> | undefined }
    : never;
type SettingOf<P> = P extends Parameter<unknown, infer K> ? SettingTypes[K] : never;

/** What a shell can complete: commands, options and values, as commander and the registries have them. */
import { PLATFORM_NAMES } from '@decpool/model';
import { ALL_POLICIES, SHORT_NAMES } from '@decpool/pool';
import type { Argument, Command, Help, Option } from 'commander';
import { HISTORY_SERIES } from '../../history/series.ts';
import { LOG_FORMATS } from '../../log/format.ts';
import { METRICS } from '../../metrics/metric.ts';
import { WORKLOADS } from '../../workloads/registry.ts';
import { SHELLS } from './shells.ts';

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
  /** `--lines`, and `-n` where there is one. */
  readonly names: readonly string[];
  readonly text: string;
  /** Of an option that takes one. */
  readonly values?: Values;
  /** Whether it may also stand alone. */
  readonly isOptional: boolean;
}

/** Words without characters that a shell cares for, files, both, or neither where nobody can know. */
export interface Values {
  /** What the help calls it. */
  readonly name: string;
  readonly words: readonly string[];
  readonly isFile: boolean;
  /** Whether several may be given, separated by commas. */
  readonly isList: boolean;
}

const POLICY_NAMES = [...ALL_POLICIES, ...Object.keys(SHORT_NAMES)];

/** By the name that an option has as an attribute, of one command or of all, or an argument in the help. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  policy: POLICY_NAMES,
  'verify.against': POLICY_NAMES,
  workload: WORKLOADS.map(({ name }) => name),
  platform: PLATFORM_NAMES,
  logFormat: Object.keys(LOG_FORMATS),
  to: [...Object.keys(LOG_FORMATS), 'parquet'],
  kernel: ['6.x', '7.x'],
  granule: ['4', '16', '64'],
  metrics: [...METRICS.map(({ id }) => id), 'all'],
  series: HISTORY_SERIES.map(({ id }) => id),
  shell: SHELLS,
};

/** What stands for a file or a folder in the help, or may be one: a policy of your own. */
const FILES = new Set(
  'file files dir baseline old list policy definition log a b out recording results folder'.split(' '),
);
/** Lists that name no files. */
const NO_FILES = new Set(['faults', 'metrics']);

/** What a command has of its own, or nobody asks for behind one. */
const FIRST_ONLY = ['--help', '--version'];

export function completable(program: Command): Completable {
  const helper = program.createHelp();
  const commands = helper.visibleCommands(program);
  const names = commands.map((command) => command.name());
  const options = optionsOf(program, helper);
  const everywhere = options.filter((option) => !option.names.some((name) => FIRST_ONLY.includes(name)));
  return {
    commands: commands.map((command) => ({
      name: command.name(),
      text: helper.subcommandDescription(command),
      options: [...optionsOf(command, helper), ...everywhere],
      arguments: command.registeredArguments.map((argument) =>
        command.name() === 'help' ? { ...argumentValues(argument), words: names } : argumentValues(argument),
      ),
      isVariadic: command.registeredArguments.at(-1)?.variadic === true,
    })),
    options,
  };
}

const optionsOf = (command: Command, helper: Help): CompletableOption[] =>
  helper.visibleOptions(command).map((option) => {
    const names = [option.long, option.short].filter((name) => typeof name === 'string');
    const values = optionValues(option, command);
    return {
      names,
      text: firstPart(option.description),
      isOptional: option.optional,
      ...(values === undefined ? {} : { values }),
    };
  });

function optionValues(option: Option, command: Command): Values | undefined {
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
  if (placeholder === undefined) return undefined;
  const attribute = option.attributeName();
  const words = option.argChoices ?? WORDS[`${command.name()}.${attribute}`] ?? WORDS[attribute] ?? [];
  const isList = /^(list|files)$/.test(placeholder);
  return {
    name: placeholder,
    // A whole list of its own.
    words: attribute === 'policy' && command.name() === 'compare' ? [...words, 'all'] : words,
    isFile: FILES.has(placeholder) && !NO_FILES.has(attribute) && !isClosed(attribute, words),
    isList,
  };
}

/** Whether there is nothing but these words. */
const isClosed = (attribute: string, words: readonly string[]): boolean =>
  words.length > 0 && words !== POLICY_NAMES && attribute !== 'policy';

function argumentValues(argument: Argument): Values {
  const name = argument.name();
  return {
    name,
    words: argument.argChoices ?? WORDS[name] ?? [],
    isFile: FILES.has(name),
    isList: false,
  };
}

/** Lists in a terminal have little room. */
const firstPart = (text: string): string => text.split(/[;:] /)[0];

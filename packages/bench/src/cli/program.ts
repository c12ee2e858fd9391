/** The program around the commands: its help, its version, and where settings for a command's options come from. */
import { styleText } from 'node:util';
import { InputError } from '@decpool/model';
import { Command } from 'commander';
import { VERSION } from '../files/version.ts';
import type { CommandContext, Output } from './command-context.ts';
import { commandLine } from './command-line.ts';
import { addCommands } from './commands/all.ts';
import { manualPage } from './help.ts';
import {
  addOpposites,
  applySettings,
  configKey,
  type Setting,
  settableOptions,
  settingsIn,
} from './settings.ts';

/** One call of decpool. */
export interface Invocation {
  /** What was typed behind `decpool`. */
  readonly words: readonly string[];
  readonly output: Output;
  /** Sets the exit code. */
  exit(code: number): void;
}

/** Where settings come from: a file that is named, none at all, or that of the working directory. */
interface GlobalOptions {
  readonly config?: string | boolean;
}

/** What a config file did to a call. */
interface InUse {
  readonly file: string;
  readonly settings: readonly Setting[];
}

/**
 * Runs what was typed. Throws CommanderError for words that make no command, InputError for what is wrong with what they name.
 */
export async function run({ words, exit, output }: Invocation): Promise<void> {
  let inUse: InUse | undefined;
  let called = '';
  const decpool = programOf({
    exit,
    output,
    commandLine: () =>
      commandLine(
        words,
        called,
        (inUse?.settings ?? []).flatMap((setting) => setting.words),
      ),
  });
  decpool.hook('preAction', async (_, command) => {
    called = command.name();
    inUse = await configured(decpool, command);
    if (inUse !== undefined && output.isWatched) output.tell(`decpool: ${inUseText(inUse)}\n`);
  });
  try {
    await decpool.parseAsync(words, { from: 'user' });
  } catch (error) {
    // What is wrong may not stand in the command.
    if (!(error instanceof InputError) || inUse === undefined) throw error;
    throw new InputError(`${error.message}\n(${inUseText(inUse)})`);
  }
}

/** The program with all of its commands. */
export function programOf(context: CommandContext): Command {
  const { output } = context;
  const decpool = new Command('decpool')
    .summary('compare policies for a pool of decrypted memory in confidential Linux guests')
    .description(
      'Runs allocator policies on recorded kernel requests and on generated workloads, and counts what they do to the direct map and to the host. Every run is a log of events, which can be replayed, searched, stepped through and continued otherwise.',
    )
    .option('--config <file>', 'settings for options, instead of decpool.config.ts in the working directory')
    .option('--no-config', 'no settings but those of the command')
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
      formatHelp: manualPage,
      showGlobalOptions: true,
      // Long options leave the text beside them less than commander's 40 in a narrow terminal.
      minWidthToWrap: 20,
      styleTitle: (title) => styleText('bold', title),
    })
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool compare
  decpool compare --workload netvsc --policy linux-6.12,./my-policy.ts
  decpool help compare

SEE ALSO
  docs/cli.md and the documents that README.md lists`,
    );
  addCommands(decpool, context);
  for (const command of decpool.commands) addOpposites(command);
  return decpool;
}

/** Sets options as a config file says, and tells which. Throws InputError for a file that is wrong anywhere. */
async function configured(decpool: Command, command: Command): Promise<InUse | undefined> {
  const { config } = decpool.opts<GlobalOptions>();
  const named = typeof config === 'string' ? config : undefined;
  const hasSettings = settableOptions(command).length > 0;
  if (config === false || (named === undefined && !hasSettings)) {
    applySettings(command, []);
    return undefined;
  }
  const { configFile, readConfig } = await import('./config-file.ts');
  const file = configFile(named);
  const settings = file === undefined ? undefined : settingsIn(await readConfig(file), file, decpool);
  const applied = applySettings(command, settings?.get(configKey(command)) ?? []);
  return file === undefined || applied.length === 0 ? undefined : { file, settings: applied };
}

const inUseText = ({ file, settings }: InUse): string =>
  `settings from ${file}: ${settings.map(({ name }) => name).join(', ')}`;

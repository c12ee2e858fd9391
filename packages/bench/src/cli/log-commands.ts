/** The commands that work on event logs. Each adds itself, and loads what it does only when it is called. */
import type { Command } from 'commander';
import type { Output } from './compare.ts';
import { addReplay } from './replay.ts';
import { addShow } from './show.ts';
import { addStats } from './stats.ts';

/** What a command needs of the program around it. */
export interface CommandContext {
  /** Sets the exit code. */
  exit(code: number): void;
  readonly output: Output;
}

const COMMANDS: readonly ((decpool: Command, context: CommandContext) => void)[] = [addReplay, addStats, addShow];

export function addLogCommands(decpool: Command, context: CommandContext): void {
  for (const add of COMMANDS) add(decpool, context);
}

/** The commands that work on event logs. Each adds itself, and loads what it does only when it is called. */
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addConvert } from './convert.ts';
import { addDiff } from './diff.ts';
import { addExplain } from './explain.ts';
import { addFork, addSkip } from './fork.ts';
import { addQuery } from './query.ts';
import { addRecover } from './recover.ts';
import { addReplay } from './replay.ts';
import { addShow } from './show.ts';
import { addStats } from './stats.ts';
import { addStep } from './step.ts';
import { addTail } from './tail.ts';
import { addVerify } from './verify.ts';

const COMMANDS: readonly ((decpool: Command, context: CommandContext) => void)[] = [
  addReplay,
  addVerify,
  addRecover,
  addStats,
  addShow,
  addExplain,
  addStep,
  addTail,
  addFork,
  addSkip,
  addDiff,
  addConvert,
  addQuery,
];

export function addLogCommands(decpool: Command, context: CommandContext): void {
  for (const add of COMMANDS) add(decpool, context);
}

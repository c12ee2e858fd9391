/** The commands, in the groups and the order of the help. Each adds itself, and loads what it does only when it is called. */
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addCheckPolicy } from './check-policy.ts';
import { addCompare } from './compare.ts';
import { addCompletion } from './completion.ts';
import { addConvert } from './convert.ts';
import { addDiff } from './diff.ts';
import { addExplain } from './explain.ts';
import { addFindings } from './findings.ts';
import { addFork, addSkip } from './fork.ts';
import { addKnownAnswers } from './known-answers.ts';
import { addMetrics } from './metrics.ts';
import { addPolicies } from './policies.ts';
import { addQuery } from './query.ts';
import { addRecover } from './recover.ts';
import { addReplay } from './replay.ts';
import { addReport } from './report.ts';
import { addShow } from './show.ts';
import { addSplits } from './splits.ts';
import { addStats } from './stats.ts';
import { addStep } from './step.ts';
import { addSweep } from './sweep.ts';
import { addTail } from './tail.ts';
import { addValidate } from './validate.ts';
import { addVerify } from './verify.ts';
import { addWorkloads } from './workloads.ts';

type AddCommand = (decpool: Command, context: CommandContext) => void;

const COMMANDS: Readonly<Record<string, readonly AddCommand[]>> = {
  'Compare and report': [addCompare, addReport, addSweep, addFindings, addCheckPolicy],
  'Event logs': [
    addReplay,
    addVerify,
    addRecover,
    addStats,
    addShow,
    addExplain,
    addSplits,
    addStep,
    addTail,
    addFork,
    addSkip,
    addDiff,
    addConvert,
    addQuery,
  ],
  Reference: [addPolicies, addWorkloads, addMetrics, addKnownAnswers, addValidate, addCompletion],
};

export function addCommands(decpool: Command, context: CommandContext): void {
  for (const [group, commands] of Object.entries(COMMANDS)) {
    decpool.commandsGroup(group);
    for (const add of commands) add(decpool, context);
  }
}

/** All commands, in the groups and the order of the help. Each has its name in a config file. */

import { ablation } from './ablation.ts';
import { analyze } from './analyze.ts';
import { checkPolicy } from './check-policy.ts';
import { compare } from './compare.ts';
import { completion } from './completion.ts';
import { convert } from './convert.ts';
import { diff } from './diff.ts';
import { explain } from './explain.ts';
import { findings } from './findings.ts';
import { fork } from './fork.ts';
import { initPolicy } from './init-policy.ts';
import { knownAnswers } from './known-answers.ts';
import { metrics } from './metrics.ts';
import { policies } from './policies.ts';
import { query } from './query.ts';
import { record } from './record.ts';
import { recover } from './recover.ts';
import { replay } from './replay.ts';
import { report } from './report.ts';
import { show } from './show.ts';
import { skip } from './skip.ts';
import { splits } from './splits.ts';
import { stats } from './stats.ts';
import { step } from './step.ts';
import { sweep } from './sweep.ts';
import { tail } from './tail.ts';
import { validate } from './validate.ts';
import { verify } from './verify.ts';
import { worker } from './worker.ts';
import { workloads } from './workloads.ts';

export const COMMANDS = {
  'Compare and report': {
    compare,
    record,
    analyze,
    report,
    sweep,
    worker,
    findings,
    ablation,
    initPolicy,
    checkPolicy,
  },
  'Event logs': {
    ...{ replay, verify, recover, stats, show, explain, splits, step },
    ...{ tail, fork, skip, diff, convert, query },
  },
  Reference: { policies, workloads, metrics, knownAnswers, validate, completion },
};

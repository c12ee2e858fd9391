import { InputError, type LogHeader } from '@decpool/model';
import type { Command } from 'commander';
import type { OpenLog } from '../../log/open.ts';
import { policiesText } from '../../report/policies-text.ts';
import type { Forked } from '../../rerun/fork.ts';
import type { ServedAgain } from '../../rerun/serve-again.ts';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { newLog } from '../new-log.ts';
import { eventNumber } from '../numbers.ts';
import { filesIn, OWN_OPTION, ownPolicies } from '../own-policies.ts';
import { eventsRead, withLog } from '../reading.ts';

interface ForkCommandOptions {
  readonly at: number;
  readonly policy: string;
  readonly out: string;
  readonly own?: string;
}

export function addFork(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('fork')
    .summary('keep the history of a log up to an event, and serve the rest under another policy')
    .description(
      'Keeps what happened before the request that event N belongs to, serves all requests from there on under another policy, writes that as a new log and prints what changed. The new policy starts with nothing of its own: what the old one holds drains as it is freed.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .requiredOption('--at <n>', 'an event; its request is the first to be decided anew', eventNumber)
    .requiredOption('--policy <policy>', 'who decides from there on: a policy, or a file of your own')
    .requiredOption('--out <file>', 'the new log: .ndjson or .arrow')
    .option(...OWN_OPTION)
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool fork gfp-decrypted.arrow --at 20000 --policy first-fit+block+immediate --out what-if.arrow\n\nSEE ALSO\n  decpool diff; docs/replay.md',
    )
    .action(async (log: string, options: ForkCommandOptions) => {
      exit(await forkCommand(log, options, output));
    });
}

interface SkipCommandOptions {
  readonly event: number;
  readonly out: string;
  readonly own?: string;
}

export function addSkip(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('skip')
    .summary('leave one request of a log out and serve the rest again')
    .description(
      'Leaves out the request that event N belongs to, with all that is asked later of the allocation it made, serves the other requests again under the same policy, writes that as a new log and prints what changed.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .requiredOption('--event <n>', 'an event of the request to leave out', eventNumber)
    .requiredOption('--out <file>', 'the new log: .ndjson or .arrow')
    .option(...OWN_OPTION)
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool skip linux-6.12.arrow --event 17 --out without.arrow\n\nSEE ALSO\n  decpool diff; docs/replay.md',
    )
    .action(async (log: string, options: SkipCommandOptions) => {
      exit(await skipCommand(log, options, output));
    });
}

/** The names of policies in a log must differ. */
function expectNameOfItsOwn(name: string, given: string, { policy, handovers = [] }: LogHeader): void {
  const isTaken = [policy, ...handovers.map((earlier) => earlier.policy)].includes(name);
  if (isTaken && given !== name) {
    throw new InputError(
      `policy file '${given}': a policy of the log is named '${name}', too; give it another name`,
    );
  }
}

const keptText = ({ keptEvents, keptRequests, header }: Forked): string =>
  keptEvents === 0
    ? 'kept         no events: the new policy serves all requests\n'
    : `kept         events 0 to ${keptEvents - 1}, requests 1 to ${keptRequests}; policies: ${printable(policiesText(header))}\n`;

async function forkCommand(path: string, options: ForkCommandOptions, output: Output): Promise<number> {
  const [{ forkLog }, { policiesFor }] = await Promise.all([
    import('../../rerun/fork.ts'),
    import('../../policies/load.ts'),
  ]);
  const out = await newLog(options.out);
  const [policy] = await policiesFor([options.policy]);
  const own = await ownPolicies(filesIn(options.own));
  const fork = (log: OpenLog) => {
    expectNameOfItsOwn(policy.name, options.policy, log.header);
    return forkLog(log, { event: options.at, policy, own, out });
  };
  const served = await withLog(path, fork, eventsRead('fork', output));
  output.write(keptText(served));
  await tellChange(path, out.path, served, output);
  return 0;
}

async function skipCommand(path: string, options: SkipCommandOptions, output: Output): Promise<number> {
  const { skipRequest } = await import('../../rerun/fork.ts');
  const out = await newLog(options.out);
  const own = await ownPolicies(filesIn(options.own));
  const served = await withLog(
    path,
    (log) => skipRequest(log, { event: options.event, own, out }),
    eventsRead('skip', output),
  );
  const { seq, request } = served.skipped;
  output.write(`left out     the request of event ${seq}: ${printable(JSON.stringify(request))}\n`);
  await tellChange(path, out.path, served, output);
  return 0;
}

async function tellChange(
  path: string,
  out: string,
  { seal, dropped, firstDropped }: ServedAgain,
  output: Output,
): Promise<void> {
  const { diffOf, diffText } = await import('./diff.ts');
  if (dropped > 0) {
    output.write(
      `dropped      ${dropped} requests that the new run refuses; the first: ${printable(firstDropped ?? '')}\n`,
    );
  }
  output.write(diffText(await diffOf(path, out, output), [path, out]));
  output.write(`written      ${out}: ${seal.events} events\n`);
}

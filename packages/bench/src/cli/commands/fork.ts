import { InputError, type LogHeader } from '@decpool/model';
import { newLog } from '../../log/new-file.ts';
import type { OpenLog } from '../../log/open.ts';
import { policiesText } from '../../report/policies-text.ts';
import type { Forked } from '../../rerun/fork.ts';
import { printable } from '../../text/printable.ts';
import { command, eventNumber, required, text } from '../declaration.ts';
import { printChange } from '../diff-logs.ts';
import { LOG, NEW_LOG, OWN_POLICIES, policyNames } from '../options.ts';
import { ownPolicies } from '../own-policies.ts';
import { eventsRead, withLog } from '../reading.ts';

export const fork = command({
  name: 'fork',
  summary: 'keep the events of a log up to a request, and serve the rest under another policy',
  description:
    'Keeps the events before the request of event N. Serves all later requests under another policy, writes a new log and prints what changed. The new policy starts with an empty pool. Pages of the old policy leave its pool as they are freed.',
  arguments: { log: LOG },
  options: {
    at: required(eventNumber('--at <n>', 'an event; its request is the first that the new policy serves')),
    policy: required(
      text('--policy <policy>', 'the new policy, or a file that exports one', {
        words: policyNames,
        isFile: true,
      }),
    ),
    out: required(NEW_LOG),
    own: OWN_POLICIES,
  },
  examples: [
    'decpool fork gfp-decrypted.arrow --at 20000 --policy first-fit+block+immediate --out what-if.arrow',
  ],
  seeAlso: 'decpool diff; docs/replay.md',
  async run({ log: path, ...options }, { output }) {
    const { forkLog } = await import('../../rerun/fork.ts');
    const { policiesFor } = await import('../../policies/load.ts');
    const out = await newLog(options.out);
    const [policy] = await policiesFor([options.policy]);
    const own = await ownPolicies(options.own);
    const served = await withLog(
      path,
      (log: OpenLog) => {
        expectNameOfItsOwn(policy.name, options.policy, log.header);
        return forkLog(log, { event: options.at, policy, own, out });
      },
      eventsRead('fork', output),
    );
    output.write(keptText(served));
    await printChange(path, out.path, served, output);
  },
});

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

import { newLog } from '../../log/new-file.ts';
import { printable } from '../../text/printable.ts';
import { command, eventNumber, required } from '../declaration.ts';
import { printChange } from '../diff-logs.ts';
import { LOG, NEW_LOG, OWN_POLICIES } from '../options.ts';
import { ownPolicies } from '../own-policies.ts';
import { eventsRead, withLog } from '../reading.ts';

export const skip = command({
  name: 'skip',
  summary: 'leave one request of a log out and serve the rest again',
  description:
    'Leaves out the request of event N, and all later requests for the allocation that it made. Serves the other requests again under the same policy, writes a new log and prints what changed.',
  arguments: { log: LOG },
  options: {
    event: required(eventNumber('--event <n>', 'an event of the request to leave out')),
    out: required(NEW_LOG),
    own: OWN_POLICIES,
  },
  examples: ['decpool skip linux-6.12.arrow --event 17 --out without.arrow'],
  seeAlso: 'decpool diff; docs/replay.md',
  async run({ log: path, event, ...options }, { output }) {
    const { skipRequest } = await import('../../rerun/fork.ts');
    const out = await newLog(options.out);
    const own = await ownPolicies(options.own);
    const served = await withLog(
      path,
      (log) => skipRequest(log, { event, own, out }),
      eventsRead('skip', output),
    );
    const { seq, request } = served.skipped;
    output.write(`left out     the request of event ${seq}: ${printable(JSON.stringify(request))}\n`);
    await printChange(path, out.path, served, output);
  },
});

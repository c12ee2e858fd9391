import type { SplitGrouping } from '../../inspect/splits-groups.ts';
import { choice, command, flag } from '../declaration.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';
import { eventsRead, tellIfCutOff, withLog } from '../reading.ts';

const GROUPINGS: readonly SplitGrouping[] = ['owner', 'request', 'block'];

export const splits = command({
  name: 'splits',
  summary: 'list the splits of a log by owner, request or block',
  description:
    'Prints every split of the direct map in an event log, with the owner and the request that caused it. The most expensive owner comes first. Splits without a request belong to the deferred worker or to the policy at boot. Those of the boot pool of swiotlb stand apart.',
  arguments: { log: LOG },
  options: {
    by: choice('--by <group>', 'what a row of the table is', GROUPINGS, { default: 'owner' }),
    all: flag('--all', 'print all rows, not only the first 20'),
    json: JSON_DOCUMENT,
  },
  examples: [
    'decpool splits decpool-results/netvsc/logs/linux-6.12.arrow',
    'decpool splits decpool-results/netvsc/logs/linux-6.12.arrow --by block --all',
  ],
  seeAlso: 'decpool explain, decpool show; docs/replay.md',
  async run({ log, by, all = false, json = false }, { output }) {
    const { splitsOf } = await import('../../inspect/splits.ts');
    const { splitsReport } = await import('../../inspect/splits-groups.ts');
    const { splitsText } = await import('../../inspect/splits-text.ts');
    const { jsonText } = await import('../../text/json.ts');
    const found = await withLog(
      log,
      (open) => {
        tellIfCutOff(open, output);
        return splitsOf(open);
      },
      eventsRead('splits', output),
    );
    output.write(
      json
        ? jsonText(splitsReport(found, by))
        : splitsText(found, { by, isAll: all, columns: output.columns, path: log }),
    );
  },
});

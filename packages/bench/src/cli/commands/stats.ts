import { command } from '../declaration.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';
import { eventsRead, withLog } from '../reading.ts';

export const stats = command({
  name: 'stats',
  summary: 'count what an event log consists of',
  description:
    'Prints the facts of the header, how the log is stored and whether it is complete. Prints its events and requests per simulated second, and its events by type.',
  arguments: { log: LOG },
  options: { json: JSON_DOCUMENT },
  examples: ['decpool stats decpool-results/netvsc/logs/gfp-decrypted.arrow'],
  seeAlso: 'decpool show; docs/replay.md',
  async run({ log, json = false }, { output }) {
    const { statsOf, statsText } = await import('../../inspect/stats.ts');
    const { jsonText } = await import('../../text/json.ts');
    const found = await withLog(log, statsOf, eventsRead('stats', output));
    output.write(json ? jsonText(found) : statsText(found));
  },
});

import type { Command } from 'commander';
import type { CommandContext, Output } from '../command-context.ts';
import { eventsRead, withLog } from '../reading.ts';

export function addStats(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('stats')
    .summary('count what an event log consists of')
    .description(
      'Prints the facts of its header, how it is stored and whether it is complete, its events and requests per simulated second, and its events by type.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool stats decpool-results/netvsc/logs/gfp-decrypted.arrow\n\nSEE ALSO\n  decpool show; docs/replay.md',
    )
    .action(async (log: string, options: { readonly json?: boolean }) => {
      output.write(await statsCommand(log, options.json === true, output));
    });
}

async function statsCommand(path: string, isJson: boolean, output: Output): Promise<string> {
  const [{ statsOf, statsText }, { jsonText }] = await Promise.all([
    import('../../inspect/stats.ts'),
    import('../../text/json.ts'),
  ]);
  const stats = await withLog(path, statsOf, eventsRead('stats', output));
  return isJson ? jsonText(stats) : statsText(stats);
}

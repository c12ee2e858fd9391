import Table from 'cli-table3';
import type { Command } from 'commander';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { bytesRead } from '../reading.ts';

export function addReplay(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('replay')
    .summary('fold an event log and print its metrics and state hash')
    .description(
      'Folds a log, without the policy that wrote it, and prints the same metrics and the same state hash as the run. Exit code 1 when they differ or the log is cut off.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool replay decpool-results/netvsc/logs/gfp-decrypted.arrow\n\nSEE ALSO\n  decpool verify; docs/replay.md',
    )
    .action(async (log: string) => exit(await replayCommand(log, output)));
}

/** Prints what a log comes to. Exit code 1 when the log is cut off, or its state hash is not that of the run. */
async function replayCommand(path: string, output: Output): Promise<number> {
  const [{ replay }, { formatValue }] = await Promise.all([
    import('../../rerun/replay.ts'),
    import('../../text/units.ts'),
  ]);
  const reading = bytesRead('replay', output);
  const { header, events, metrics, stateHash, seal, torn } = await replay(path, reading).finally(
    reading.stop,
  );
  const facts: [string, string][] = [
    ['workload', header.workload.name],
    ['policy', header.policy],
    ['memory', header.memory.name],
    ['platform', header.platform.name],
    ['seed', String(header.seed)],
    ['events', String(events)],
  ];
  const table = new Table({ style: { head: [], border: [], compact: true }, colAligns: ['left', 'right'] });
  for (const { label, value, unit } of metrics) table.push([label, formatValue(value, unit)]);
  const told = facts.map(([label, text]) => `${label.padEnd(12)} ${printable(text)}`);
  output.write(`${told.join('\n')}\n${table.toString()}\nstate hash   ${stateHash}\n`);
  if (seal === undefined || seal.isCutOff === true) {
    const lost = torn === undefined ? '' : `; ${torn.events} more events are incomplete`;
    output.write(`CUT OFF: these are the figures of an incomplete log${lost}\n`);
    return 1;
  }
  if (seal.stateHash !== stateHash) {
    output.write(`MISMATCH: the state hash in the log is ${seal.stateHash}\n`);
    return 1;
  }
  output.write('matches the state hash in the log\n');
  return 0;
}

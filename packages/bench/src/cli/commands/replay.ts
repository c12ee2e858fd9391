import Table from 'cli-table3';
import { printable } from '../../text/printable.ts';
import { command } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { LOG } from '../options.ts';
import { bytesRead } from '../reading.ts';

export const replay = command({
  name: 'replay',
  summary: 'fold an event log and print its metrics and state hash',
  description:
    'Folds a log, without the policy that wrote it. Prints the same metrics and the same state hash as the run.',
  arguments: { log: LOG },
  different: 'The state hash is not that of the run, or the log is cut off.',
  examples: ['decpool replay decpool-results/netvsc/logs/gfp-decrypted.arrow'],
  seeAlso: 'decpool verify; docs/replay.md',
  async run({ log }, { output }) {
    const [{ replay }, { formatValue }] = await Promise.all([
      import('../../rerun/replay.ts'),
      import('../../text/units.ts'),
    ]);
    const reading = bytesRead('replay', output);
    const { header, events, metrics, stateHash, seal, torn } = await replay(log, reading).finally(
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
      return EXIT.different;
    }
    if (seal.stateHash !== stateHash) {
      output.write(`MISMATCH: the state hash in the log is ${seal.stateHash}\n`);
      return EXIT.different;
    }
    output.write('matches the state hash in the log\n');
    return EXIT.done;
  },
});

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
    const { replay } = await import('../../rerun/replay.ts');
    const { atBootText } = await import('../../metrics/at-boot-text.ts');
    const { numberColumn, plainTable, textColumn } = await import('../../text/table.ts');
    const { formatValue } = await import('../../text/units.ts');
    const reading = bytesRead('replay', output);
    const { header, events, metrics, atBoot, stateHash, seal, torn } = await replay(log, reading).finally(
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
    const table = plainTable(
      [textColumn(''), numberColumn('')],
      metrics.map(({ label, value, unit }) => [label, formatValue(value, unit)]),
    );
    const lines = facts.map(([label, text]) => `${label.padEnd(12)} ${printable(text)}`);
    const boot = atBootText(atBoot.map(({ id, value }) => [id, value]));
    output.write(
      `${lines.join('\n')}\n${table}\n${boot === undefined ? '' : `${boot} In no row.\n`}state hash   ${stateHash}\n`,
    );
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

import Table from 'cli-table3';
import { replay } from '../replay.ts';
import { formatValue } from '../report/units.ts';

/** Prints what a log comes to. Exit code 1 when the log is cut off, or its state hash is not that of the run. */
export async function replayCommand(path: string, write: (text: string) => void): Promise<number> {
  const { header, events, metrics, stateHash, seal, torn } = await replay(path);
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
  write(`${facts.map(([label, text]) => `${label.padEnd(12)} ${text}`).join('\n')}\n${table.toString()}\n`);
  write(`state hash   ${stateHash}\n`);
  if (seal === undefined || seal.isCutOff === true) {
    const lost = torn === undefined ? '' : `; ${torn.events} events behind them are torn`;
    write(`the run that wrote the log was cut off, and these are its figures up to then${lost}\n`);
    return 1;
  }
  if (seal.stateHash !== stateHash) {
    write(`MISMATCH: the run that wrote the log had ${seal.stateHash}\n`);
    return 1;
  }
  write('the same as in the run that wrote the log\n');
  return 0;
}

import { newLog } from '../../log/new-file.ts';
import { printable } from '../../text/printable.ts';
import { command, file, fileArgument } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { bytesRead } from '../reading.ts';

export const recover = command({
  name: 'recover',
  summary: 'save the complete segments of a log that was cut off',
  description:
    'Copies the complete segments of a log that a crash, a full disk or a signal cut off into a new log. Prints what was saved and what is lost. The old log is not changed.',
  arguments: { log: fileArgument('<log>', 'a log that was cut off, as run.arrow.partial') },
  options: { out: file('--out <file>', 'the new log (default: run.recovered.arrow for run.arrow)') },
  different: 'The log was damaged, not only cut off.',
  examples: ['decpool recover decpool-results/netvsc.partial/logs/linux-7.3.arrow.partial'],
  seeAlso: 'decpool verify; docs/reference/log-format.md',
  async run({ log, out }, { output }) {
    const { openFile } = await import('../../log/byte-file.ts');
    const { recoverLog } = await import('../../log/recover.ts');
    // A missing log is reported before a wrong name of the new one.
    await (await openFile(log)).close();
    const { path } = await newLog(out ?? recoveredName(log));
    const reading = bytesRead('recover', output);
    const { seal, torn, damage } = await recoverLog(log, path, reading.onRead).finally(reading.stop);
    output.write(`saved        ${seal.events} events, in ${path}\n`);
    if (damage !== undefined) {
      output.write(`damaged      ${printable(damage)}; later events are lost\n`);
      return EXIT.different;
    }
    output.write(`lost         ${lostText(torn.events, torn.bytes)}\n`);
    return EXIT.done;
  },
});

const lostText = (events: number, bytes: number): string =>
  events === 0 && bytes === 0
    ? 'nothing of the file: it ends after a complete segment; events that were not written yet are missing'
    : `${events} events of an incomplete segment, and ${bytes} bytes of an incomplete record`;

/** `run.arrow.partial` becomes `run.recovered.arrow`. */
const recoveredName = (path: string): string =>
  path
    .replace(/\.partial$/, '')
    .replace(/\.gz$/, '')
    .replace(/(\.[^./]*)?$/, '.recovered$1');

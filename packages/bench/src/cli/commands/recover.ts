import type { Command } from 'commander';
import { printable } from '../../text/printable.ts';
import type { CommandContext } from '../command-context.ts';
import { newLog } from '../new-log.ts';
import { bytesRead } from '../reading.ts';

export function addRecover(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('recover')
    .summary('save the whole part of a log that was cut off')
    .description(
      'Makes a log of the whole segments of one that a crash, a full disk or a signal cut off, and says what was saved and what is lost. The log itself stays as it is. Exit code 1 when it was damaged, and not only cut off.',
    )
    .argument('<log>', 'a log that was cut off, as run.arrow.partial')
    .option('--out <file>', 'the new log; run.recovered.arrow unless told')
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool recover decpool-results/netvsc.partial/logs/linux-7.3.arrow.partial\n\nSEE ALSO\n  decpool verify; docs/log-format.md',
    )
    .action(async (log: string, options: { readonly out?: string }) => {
      const [{ openFile }, { recoverLog }] = await Promise.all([
        import('../../log/byte-file.ts'),
        import('../../log/recover.ts'),
      ]);
      // What is wrong with the log is told before what is wrong with a name that is made of its own.
      await (await openFile(log)).close();
      const { path } = await newLog(options.out ?? recoveredName(log));
      const reading = bytesRead('recover', output);
      const { seal, torn, damage } = await recoverLog(log, path, reading.onRead).finally(reading.stop);
      output.write(`saved        ${seal.events} events, in ${path}\n`);
      if (damage !== undefined) output.write(`damaged      ${printable(damage)}; later events are lost\n`);
      else output.write(`lost         ${lostText(torn.events, torn.bytes)}\n`);
      exit(damage === undefined ? 0 : 1);
    });
}

const lostText = (events: number, bytes: number): string =>
  events === 0 && bytes === 0
    ? 'nothing of the file: it ends after a complete segment; events that were not written yet are missing'
    : `${events} events of an incomplete segment, and ${bytes} bytes of an incomplete record`;

/** `run.arrow.partial` becomes `run.recovered.arrow`, whatever stands behind the ending. */
const recoveredName = (path: string): string =>
  path
    .replace(/\.partial$/, '')
    .replace(/\.gz$/, '')
    .replace(/(\.[^./]*)?$/, '.recovered$1');

import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { EXIT } from '../exit-status.ts';
import { interruptible } from '../interrupt.ts';
import { eventNumber } from '../numbers.ts';
import { onReaderGone, written } from '../reader.ts';

interface TailOptions {
  readonly lines: number;
  readonly follow: boolean;
}

export function addTail(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('tail')
    .summary('print the last events of a log, and those that a run is writing')
    .description(
      'Prints events, a line each, as their segments are flushed, until the run seals its log. A log that is being written is also found under the name that it has until then, LOG.partial.',
    )
    .argument(
      '<log>',
      'an event log: NDJSON or Arrow; a gzipped one ends, so that there is nothing to follow',
    )
    .option('-n, --lines <events>', 'events to print of those that are there already', eventNumber, 10)
    .option('--no-follow', 'print what is there, and end')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool tail decpool-results/netvsc/logs/linux-6.12.arrow
  decpool tail --no-follow -n 100 decpool-results/netvsc/logs/linux-6.12.arrow

SEE ALSO
  decpool step; docs/replay.md`,
    )
    .action(async (log: string, options: TailOptions) => exit(await tailCommand(log, options, output)));
}

async function tailCommand(
  path: string,
  { lines, follow }: TailOptions,
  output: CommandContext['output'],
): Promise<number> {
  const { Tail, nameOfLog, watch } = await import('../../inspect/tail.ts');
  const name = await nameOfLog(path);
  return interruptible(async (signal) => {
    const unread = new AbortController();
    const forget = onReaderGone(() => unread.abort());
    const ended = AbortSignal.any([signal, unread.signal]);
    try {
      const tail = new Tail(lines, (text) => written(output, text, ended), ended);
      const end = await tail.run(name, follow ? watch([path, name], ended) : undefined);
      if (!ended.aborted) process.stderr.write(`decpool: ${end}\n`);
      return signal.aborted ? EXIT.interrupted : EXIT.done;
    } finally {
      forget();
    }
  });
}

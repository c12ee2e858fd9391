import { command, eventNumber, fileArgument, flag } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { exitCodeOf, interruptible } from '../interrupt.ts';
import { onReaderGone, written } from '../reader.ts';

export const tail = command({
  name: 'tail',
  summary: 'print the last events of a log, and those that a run is writing',
  description:
    'Prints events, one a line. Follows a log that a run is writing until the run seals it: new events appear when their segment is flushed. The name of such a log may be given with or without its ending .partial.',
  arguments: {
    log: fileArgument('<log>', 'an event log: NDJSON or Arrow; a gzipped log is printed, but not followed'),
  },
  options: {
    lines: eventNumber('-n, --lines <events>', 'how many of the events that are already there', {
      default: 10,
    }),
    follow: flag('--no-follow', 'print the events that are already there, and end'),
  },
  examples: [
    'decpool tail decpool-results/netvsc/logs/linux-6.12.arrow',
    'decpool tail --no-follow -n 100 decpool-results/netvsc/logs/linux-6.12.arrow',
  ],
  seeAlso: 'decpool step; docs/replay.md',
  async run({ log, lines, follow }, { output }) {
    const { nameOfLog, tailLog, watch } = await import('../../inspect/tail.ts');
    const name = await nameOfLog(log);
    return interruptible(async (signal) => {
      const unread = new AbortController();
      const forget = onReaderGone(() => unread.abort());
      const ended = AbortSignal.any([signal, unread.signal]);
      try {
        const end = await tailLog(name, {
          ...{ lines, ended, waits: follow ? watch([log, name], ended) : undefined },
          write: (text) => written(output, text, ended),
        });
        if (!ended.aborted) process.stderr.write(`decpool: ${end}\n`);
        return signal.aborted ? exitCodeOf(signal) : EXIT.done;
      } finally {
        forget();
      }
    });
  },
});

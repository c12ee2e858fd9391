/** Progress of reading logs. */
import type { ConvertOptions } from '../convert/convert.ts';
import type { OpenLog } from '../log/open.ts';
import type { OnRead } from '../log/read.ts';
import { countText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { EXIT } from './exit-status.ts';
import { interruptible } from './interrupt.ts';
import type { Output } from './output.ts';
import { type Count, counted, type Stream } from './progress.ts';

type Watch = Pick<Output, 'isWatched'>;

export interface Reading {
  readonly onRead: OnRead;
  stop(): void;
}

/** Passes that have less to read are over before anybody could read how far they are. */
const LEAST_EVENTS = 100_000;
const MIB = 2 ** 20;
const LEAST_BYTES = 16 * MIB;

/** Of logs that are read event by event, one pass after the other. */
export const eventsRead = (name: string, output: Watch, stream?: Stream): Reading =>
  passes(() => counted(name, 'events', output, stream), LEAST_EVENTS, 1);

/** Of a file that is read from end to end, one pass after the other. */
export const bytesRead = (name: string, output: Watch, stream?: Stream): Reading =>
  passes(() => counted(name, 'MiB', output, stream), LEAST_BYTES, MIB);

function passes(begin: () => Count, least: number, unit: number): Reading {
  let pass: Count | undefined;
  let last = { done: 0, all: 0 };
  return {
    onRead(done, all) {
      if (all < least) return;
      const isNew = pass === undefined || done < last.done || all !== last.all;
      if (isNew) pass?.stop();
      if (isNew || pass === undefined) pass = begin();
      last = { done, all };
      // The clock of a new one runs from here on.
      pass.show(isNew ? 0 : Math.floor(done / unit), Math.ceil(all / unit));
    },
    stop: () => pass?.stop(),
  };
}

/** Of logs with so many events in all, which are read one after the other. */
export function allRead(name: string, events: number, output: Watch, stream?: Stream): Reading {
  const bar = events < LEAST_EVENTS ? undefined : counted(name, 'events', output, stream);
  let before = 0;
  return {
    onRead(done, all) {
      bar?.show(before + done, events);
      if (done === all) before += all;
    },
    stop: () => bar?.stop(),
  };
}

/** Opens a log for as long as it is used. */
export async function withLog<T>(
  path: string,
  use: (log: OpenLog) => Promise<T>,
  reading?: Reading,
): Promise<T> {
  const { openLog } = await import('../log/open.ts');
  const log = await openLog(path, reading?.onRead);
  try {
    return await use(log);
  } finally {
    reading?.stop();
    await log.close();
  }
}

/** Says on standard error if a log was cut off: what is printed of it is not of a whole run. */
export function tellIfCutOff({ path, events, seal }: OpenLog, { tell }: Pick<Output, 'tell'>): void {
  if (seal !== undefined) return;
  tell(`decpool: ${printable(path)}: cut off; the answer covers its first ${countText(events, 'event')}\n`);
}

/** Converts a log, shows the progress, and lets a SIGINT stop it, which leaves nothing behind. Returns the exit code. */
export const converting = (
  output: Output,
  run: (options: Required<ConvertOptions>) => Promise<void>,
): Promise<number> =>
  interruptible(async (signal) => {
    const reading = eventsRead('convert', output);
    await run({ onRead: reading.onRead, signal }).finally(reading.stop);
    return EXIT.done;
  });

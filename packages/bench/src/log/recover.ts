import type { Seal } from '@decpool/model';
import { InputError } from '@decpool/model';
import type { Torn } from '../files/arrow-messages.ts';
import { openFile } from './byte-file.ts';
import { headerOf, type LogPart, type OnRead, partsIn } from './read.ts';
import { type LogWriter, openLogWriter } from './write.ts';

/** What recoverLog() saved and what it lost. */
export interface Recovered {
  /** Of the new log. */
  readonly seal: Seal;
  /** Events of an incomplete segment, and bytes of an incomplete record. */
  readonly torn: Omit<Torn, 'kind'>;
  /** Why reading ended before the end of the file. */
  readonly damage: string | undefined;
}

/**
 * Makes a log of the complete segments of a log that was cut off, in the same format, and seals it as cut off. Returns what is lost
 * behind them. `onRead`: called with bytes of the file. Throws InputError, and leaves no `out`, if `path` is complete or has no
 * header, or if `out` cannot be written.
 */
export async function recoverLog(path: string, out: string, onRead: OnRead = () => {}): Promise<Recovered> {
  const file = await openFile(path);
  const parts = partsIn(file, { onRead }, { bytes: await file.size() });
  try {
    const { header } = await headerOf(parts);
    const writer = await openLogWriter(out, file.format, header, { isCutOff: true });
    try {
      return await saved(path, parts, writer);
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await parts.return(undefined);
    await file.close();
  }
}

/** Writes what comes behind the header, up to the first damage. */
async function saved(path: string, parts: AsyncGenerator<LogPart>, writer: LogWriter): Promise<Recovered> {
  let torn: Omit<Torn, 'kind'> = { events: 0, bytes: 0 };
  let damage: string | undefined;
  for (;;) {
    const next = await parts.next().catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      damage = error.message;
    });
    if (next === undefined || next.done === true) break;
    const part = next.value;
    if (part.kind === 'batch') await writer.write(part.batch);
    else if (part.kind === 'torn') torn = { events: part.events, bytes: part.bytes };
    else if (part.kind === 'seal')
      throw new InputError(`${path}: the log is complete; there is nothing to recover${renameText(path)}`);
  }
  return { seal: await writer.finish(), torn, damage };
}

/** A writer that was killed at the very end has sealed its log but not renamed it. */
const renameText = (path: string): string =>
  path.endsWith('.partial') ? `; rename it to ${path.slice(0, -8)}` : '';

import { InputError, type Seal } from '@decpool/model';
import { atPath, ByteFile } from './byte-file.ts';
import type { LogFormat } from './format.ts';
import type { OnRead } from './on-read.ts';
import { readLog } from './read.ts';
import { formatIn, type Torn } from './records.ts';
import { type LogWriter, openLogWriter } from './write.ts';

export interface Recovered {
  /** Of the log that holds what was saved. */
  readonly seal: Seal;
  /** Events of a segment that was being written, and bytes of no whole record. */
  readonly torn: Omit<Torn, 'kind'>;
  /** Why reading ended, where that was not the end of the file. */
  readonly damage: string | undefined;
}

/**
 * Makes a log of the whole segments at the beginning of one that was cut off, in the same format, sealed as cut off. What is behind
 * them is lost, and told. `onRead`: told in bytes of the file. Throws InputError when `path` is whole or has no header, or `out` cannot be
 * written; then there is no `out`.
 */
export async function recoverLog(path: string, out: string, onRead: OnRead = () => {}): Promise<Recovered> {
  const format = await formatOfLog(path);
  let writer: LogWriter | undefined;
  let torn: Omit<Torn, 'kind'> = { events: 0, bytes: 0 };
  let damage: string | undefined;
  const parts = readLog(path, { onRead });
  try {
    for (;;) {
      const next = await parts.next().catch((error: unknown) => {
        if (!(error instanceof InputError) || writer === undefined) throw error;
        damage = error.message;
      });
      if (next === undefined || next.done === true) break;
      const part = next.value;
      if (part.kind === 'header') writer = await openLogWriter(out, format, part.header, { isCutOff: true });
      else if (part.kind === 'batch') await writer?.write(part.batch);
      else if (part.kind === 'torn') torn = { events: part.events, bytes: part.bytes };
      else if (part.kind === 'seal')
        throw new InputError(`${path}: the log is complete; there is nothing to recover${renameText(path)}`);
    }
    if (writer === undefined)
      throw new InputError(`${path}: ends inside its header; nothing can be recovered`);
    return { seal: await writer.finish(), torn, damage };
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    await parts.return(undefined);
  }
}

/** A writer that was killed at the very end has sealed its log, and not named it. */
const renameText = (path: string): string =>
  path.endsWith('.partial') ? `; rename it to ${path.slice(0, -8)}` : '';

async function formatOfLog(path: string): Promise<LogFormat> {
  const file = await ByteFile.open(path);
  try {
    return await formatIn(file);
  } catch (error) {
    throw atPath(path, error);
  } finally {
    await file.close();
  }
}

import { createWriteStream, type WriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import {
  type EventBatch,
  encodeHeaderLine,
  encodeLines,
  encodeTrailerLine,
  type LogHeader,
  type LogTrailer,
} from '@decpool/model';
import type { LogFormat } from './format.ts';

/** A log being written, batch after batch. It has its name only once it is complete: finish() renames it. */
export interface LogWriter {
  /** Resolves when the file can take more. */
  write(batch: EventBatch): Promise<void>;
  finish(trailer: LogTrailer): Promise<void>;
  /** Gives up: nothing is left behind. */
  abort(): Promise<void>;
}

export async function openLogWriter(path: string, format: LogFormat, header: LogHeader): Promise<LogWriter> {
  const partial = `${path}.partial`;
  const file = createWriteStream(partial);
  // An early error is kept by finished() and thrown by whoever waits next.
  const done = finished(file);
  done.catch(() => {});
  const body = format === 'arrow' ? await arrowBody(file, header) : ndjsonBody(file, header);
  return {
    async write(batch) {
      body.write(batch);
      if (file.writableNeedDrain) {
        await Promise.race([new Promise<void>((resolve) => file.once('drain', resolve)), done]);
      }
    },
    async finish(trailer) {
      await body.finish(trailer);
      await done;
      await rename(partial, path);
    },
    async abort() {
      file.destroy();
      await done.catch(() => {});
      await rm(partial, { force: true });
    },
  };
}

interface Body {
  write(batch: EventBatch): void;
  finish(trailer: LogTrailer): Promise<void>;
}

function ndjsonBody(file: WriteStream, header: LogHeader): Body {
  file.write(encodeHeaderLine(header));
  return {
    write: (batch) => void file.write(encodeLines(batch)),
    async finish(trailer) {
      file.end(encodeTrailerLine(trailer));
    },
  };
}

async function arrowBody(file: WriteStream, header: LogHeader): Promise<Body> {
  // Loaded here: whoever writes NDJSON, or nothing, need not wait for Arrow.
  const [{ arrowSchema, toArrow, toArrowTrailer }, { RecordBatchStreamWriter }] = await Promise.all([
    import('@decpool/model/arrow'),
    import('apache-arrow'),
  ]);
  const schema = arrowSchema(header);
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.toNodeStream().pipe(file);
  return {
    write: (batch) => writer.write(toArrow(schema, batch)),
    async finish(trailer) {
      writer.write(toArrowTrailer(schema, trailer));
      writer.finish();
    },
  };
}

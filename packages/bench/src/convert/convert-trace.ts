/** Any trace that `--trace` reads, as a file of requests. */
import { createReadStream } from 'node:fs';
import { InputError } from '@decpool/model';
import { expectFree } from '../log/new-file.ts';
import { decompressed } from '../traces/decompressed.ts';
import { readTrace } from '../traces/import.ts';
import { STANDARD_INPUT } from '../traces/lines.ts';
import type { TraceFacts } from '../traces/request-sink.ts';
import type { RequestsHeader } from '../traces/requests-file/facts.ts';
import { RequestsWriter } from '../traces/requests-file/write.ts';
import type { SharedExpression } from '../traces/shared-expression.ts';
import { isParquet } from './is-parquet.ts';

/** Endings of files of requests. */
const ENDINGS = ['.arrow', '.arrow.gz'];

interface ConvertTraceOptions {
  readonly shared?: SharedExpression | undefined;
  /** If it is aborted, converting throws its reason and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface ConvertedTrace extends TraceFacts {
  readonly requests: number;
  /** Of requestsHash(). */
  readonly sha256: string;
}

/**
 * Writes the requests of a trace as a file that `--trace` reads. Memory does not grow with the trace, but for what it leaves
 * live. `out` has its name only once it is complete. Throws InputError, and leaves nothing behind, if `out` exists, or as
 * importTrace() does.
 */
export async function convertTrace(
  path: string,
  out: string,
  { shared, signal }: ConvertTraceOptions = {},
): Promise<ConvertedTrace> {
  if (!ENDINGS.some((ending) => out.endsWith(ending))) {
    throw new InputError(
      `${out}: requests of a trace become Arrow; use a name that ends with ${ENDINGS.join(' or ')}`,
    );
  }
  await expectFree(out);
  const writer = await RequestsWriter.open(out);
  try {
    let header: RequestsHeader | undefined;
    const facts = await readTrace(
      path,
      { shared },
      {
        add: writer.add,
        async drain() {
          signal?.throwIfAborted();
          await writer.drain();
        },
        async begin({ name, format }) {
          header = {
            name,
            format: format.name,
            description: format.description,
            ...(shared === undefined ? {} : { shared: shared.text }),
          };
          await writer.begin(header);
        },
      },
    );
    if (header === undefined) throw new Error('a trace was read without a format');
    const { notes, sanity, lateFrees, name, format } = facts;
    const { requests, sha256 } = await writer.finishWith(lateFrees, header, { notes, sanity });
    return { name, format, notes, sanity, requests, sha256 };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

const LOG_LINE = /^\s*\{\s*"(?:decpool|schema)"/;

/** Whether a file is to be read as a trace: it begins neither as an event log nor as a table of one. */
export async function isTrace(path: string): Promise<boolean> {
  if (path === STANDARD_INPUT) return true;
  if (await isParquet(path)) return false;
  const start = await beginningOf(path);
  if (start[0] === 0xff) return start.includes('decpool-requests');
  return start.length > 0 && !LOG_LINE.test(start.toString('latin1'));
}

const ENOUGH = 2 ** 16;

/** Some of the first unpacked bytes; none if the file cannot be read or unpacked. */
async function beginningOf(path: string): Promise<Buffer> {
  const file = createReadStream(path);
  let start = Buffer.alloc(0);
  try {
    for await (const chunk of decompressed(file)) {
      start = Buffer.concat([start, chunk]);
      if (start.length >= ENOUGH) break;
    }
  } catch {
    // Whoever reads it next says why.
  } finally {
    file.destroy();
  }
  return start;
}

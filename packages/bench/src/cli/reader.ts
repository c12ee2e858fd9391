import { once } from 'node:events';
import type { Output } from './output.ts';

/** Calls `then` when nobody reads the standard output any more, as behind `head`. Returns what ends that. */
export function onReaderGone(then: () => void): () => void {
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') then();
  };
  process.stdout.on('error', onError);
  return () => void process.stdout.off('error', onError);
}

/** Writes, and resolves once whoever reads has room for more: what they have not read must not fill our memory. */
export async function written(output: Output, text: string, ended: AbortSignal): Promise<void> {
  output.write(text);
  if (!process.stdout.writableNeedDrain || ended.aborted) return;
  await once(process.stdout, 'drain', { signal: ended }).catch((error: unknown) => {
    if (!ended.aborted) throw error;
  });
}

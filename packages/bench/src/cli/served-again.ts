import type { ServedAgain } from '../rerun/serve-again.ts';
import { printable } from '../text/printable.ts';
import type { Output } from './output.ts';
import { eventsRead, withLog } from './reading.ts';

/** Prints how a new log differs from the log that it was made of. */
export async function printChange(
  path: string,
  out: string,
  { seal, dropped, firstDropped }: ServedAgain,
  output: Output,
): Promise<void> {
  const { diffLogs } = await import('../rerun/diff.ts');
  const { diffText } = await import('../rerun/diff-text.ts');
  if (dropped > 0) {
    output.write(
      `dropped      ${dropped} requests that the new run refuses; the first: ${printable(firstDropped ?? '')}\n`,
    );
  }
  const diff = await withLog(
    path,
    (left) => withLog(out, (right) => diffLogs(left, right)),
    eventsRead('diff', output),
  );
  output.write(diffText(diff, [path, out]));
  output.write(`written      ${out}: ${seal.events} events\n`);
}

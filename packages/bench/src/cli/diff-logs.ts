import type { OpenLog } from '../log/open.ts';
import type { LogDiff } from '../rerun/diff.ts';
import type { ServedAgain } from '../rerun/serve-again.ts';
import { printable } from '../text/printable.ts';
import type { Output } from './output.ts';
import { eventsRead, tellIfCutOff, withLog } from './reading.ts';

/** What differs between two logs. */
export async function diffOf(a: string, b: string, output: Output): Promise<LogDiff> {
  const { diffLogs } = await import('../rerun/diff.ts');
  const differences = async (left: OpenLog, right: OpenLog) => {
    const found = await diffLogs(left, right);
    for (const log of [left, right]) tellIfCutOff(log, output);
    return found;
  };
  return withLog(a, (left) => withLog(b, (right) => differences(left, right)), eventsRead('diff', output));
}

/** Prints how a new log differs from the log that it was made of. */
export async function printChange(
  path: string,
  out: string,
  { seal, dropped, firstDropped }: ServedAgain,
  output: Output,
): Promise<void> {
  const { diffText } = await import('../rerun/diff-text.ts');
  if (dropped > 0) {
    output.write(
      `dropped      ${dropped} requests that the new run refuses; the first: ${printable(firstDropped ?? '')}\n`,
    );
  }
  output.write(diffText(await diffOf(path, out, output), [path, out]));
  output.write(`written      ${out}: ${seal.events} events\n`);
}

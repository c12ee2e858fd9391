/**
 * For the crash specs: writes the events of a log into one log after the other until it is killed, and says on standard output what
 * the operating system has of the current one. Arguments: the log with the events, in one segment; the folder to write into; a format;
 * events between keyframes; the write during which it kills itself and after how many microseconds, as `7:250`, or `-1:0`; sizes of
 * batches, which begin anew with each log.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { logFormatNamed } from './format.ts';
import { readLog } from './read.ts';
import { crashLogName, inBatches } from './testing-crash-batches.ts';
import { openLogWriter } from './write.ts';

const [source, folder, formatName, keyframeEvents, deathText, ...sizes] = process.argv.slice(2);
const format = logFormatNamed(formatName);
const [dieAt, dieAfter] = deathText.split(':').map(Number);

const parts = readLog(source);
const { value: header } = await parts.next();
const { value: segment } = await parts.next();
if (header?.kind !== 'header' || segment?.kind !== 'batch')
  throw new Error(`${source}: expected one segment`);
const batches = inBatches(segment.batch, sizes.map(Number));

function die(): void {
  const at = performance.now() + dieAfter / 1000;
  while (performance.now() < at);
  process.kill(process.pid, 'SIGKILL');
}

let writes = 0;
for (let log = 0; ; log++) {
  const path = join(folder, crashLogName(log, format));
  const options = { keyframeEvents: Number(keyframeEvents) };
  const writer = await openLogWriter(path, format, header.header, options);
  for (const batch of batches) {
    const isWritten = writer.write(batch).catch(waitForever);
    // Another thread hands the bytes to the operating system meanwhile.
    if (writes++ === dieAt) die();
    await isWritten;
    // At once, and not when the process gets to it: what is said here is what the specs hold the writer to.
    writeSync(1, `${log} ${writer.flushed}\n`);
  }
  await writer.finish();
  writeSync(1, `${log} finished\n`);
}

/** Says what went wrong, and is left there to be killed. */
async function waitForever(error: unknown): Promise<void> {
  writeSync(1, `${String(error)}\n`);
  await setTimeout(2 ** 30);
}

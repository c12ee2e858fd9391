import type { ConvertOptions } from '../convert/convert.ts';
import { EXIT } from './exit-status.ts';
import { interruptible } from './interrupt.ts';
import type { Output } from './output.ts';
import { eventsRead } from './reading.ts';

/**
 * Runs something that converts a log, shows how far it is, and lets a SIGINT stop it: what it made half is removed then as after a
 * mistake. Returns the exit code.
 */
export function watched(
  output: Output,
  run: (options: Required<ConvertOptions>) => Promise<void>,
): Promise<number> {
  return interruptible(async (signal) => {
    const reading = eventsRead('convert', output);
    try {
      await run({ onRead: reading.onRead, signal });
      return EXIT.done;
    } finally {
      reading.stop();
    }
  });
}

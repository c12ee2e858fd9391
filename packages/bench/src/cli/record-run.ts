/** Runs tools/record/record.sh on this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { InputError } from '@decpool/model';

interface RecorderRun {
  readonly words: readonly string[];
  readonly isRootNeeded: boolean;
}

/** Returns the script's exit code. A SIGINT goes on to it: it ends the recording, and cleans up. Throws InputError without root. */
export async function runRecorder(script: URL, { words, isRootNeeded }: RecorderRun): Promise<number> {
  if (isRootNeeded && process.platform !== 'linux') {
    throw new InputError(`record: runs on Linux only; this is ${process.platform}`);
  }
  if (isRootNeeded && process.getuid?.() !== 0) {
    throw new InputError('record: must run as root: tracefs and /proc/kpageflags are for root only');
  }
  const child = spawn('sh', [fileURLToPath(script), ...words], { stdio: 'inherit' });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, passOn);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 130;
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}

import { availableParallelism } from 'node:os';
import { command, flag, number, required } from '../declaration.ts';
import { exitCodeOf, interruptible } from '../interrupt.ts';
import { NATS_OPTIONS, on } from '../nats-options.ts';

export const worker = command({
  name: 'worker',
  summary: 'run cells of sweeps that a NATS server has',
  description:
    'Takes cells from the server that `decpool sweep --on` uses, runs them, and sends their results. Waits for the next sweep when one is done. Workers may join, leave and die at any time: what they have not finished goes to others.',
  options: {
    on: required(on('the NATS server, as nats://HOST:4222 or tls://HOST:4222')),
    threads: number('--threads <n>', 'cells at a time (default: one per core)', { from: 1, to: 256 }),
    allowPolicies: flag('--allow-policies', 'run policy files that come with a sweep: they are programs'),
    ...NATS_OPTIONS,
  },
  examples: [
    'decpool worker --on nats://queue:4222',
    'decpool worker --on tls://queue:4222 --creds worker.creds',
  ],
  seeAlso: 'decpool sweep; docs/sweeps.md',
  async run({ threads = availableParallelism(), allowPolicies = false, ...server }, { output }) {
    const { work } = await import('../../sweep/nats/worker.ts');
    return interruptible(async (signal) => {
      const onChange = (text: string) => output.write(`worker       ${text}\n`);
      await work({ ...server, threads, allowPolicies, signal, onChange });
      return exitCodeOf(signal);
    });
  },
});

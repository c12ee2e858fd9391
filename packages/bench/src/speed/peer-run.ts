/**
 * The side of TypeScript in the part `peer`, compiled as the command is. `node peer-run.js TASK REQUESTS`, forked: each message asks
 * for one more measurement, and is answered by it.
 */
import { initialColumns } from '../log/fold.ts';
import { runCore } from './core.ts';
import { PLAIN_POLICY } from './policies.ts';
import { referenceRun } from './reference.ts';
import { cpuSecondsSince, speedWorkload, timedRun } from './requests.ts';
import type { Measured, PeerTask } from './ts-program.ts';

type Measure = () => Measured | Promise<Measured>;

const TASKS: Readonly<Record<PeerTask, (requests: number) => Measure | Promise<Measure>>> = {
  'first-fit': async (requests) => {
    const { log } = await referenceRun(speedWorkload(requests));
    return () => {
      const { ns, cpuNs } = runCore(log);
      return { seconds: ns / 1e9, cpuSeconds: cpuNs / 1e9 };
    };
  },
  'whole-run': (requests) => {
    const workload = speedWorkload(requests);
    return async () => {
      const { seconds, cpuSeconds } = await timedRun(PLAIN_POLICY, workload);
      return { seconds, cpuSeconds };
    };
  },
  fold: async (requests) => {
    const { header, batches } = await referenceRun(speedWorkload(requests), { keepsBatches: true });
    return () => {
      const columns = initialColumns(header);
      const cpu = process.cpuUsage();
      const start = performance.now();
      for (const batch of batches) columns.fold(batch);
      return { seconds: (performance.now() - start) / 1000, cpuSeconds: cpuSecondsSince(cpu) };
    };
  },
};
/** Before the first measurement: compiled code is measured. */
const WARM_UPS = 2;

const [task, requests] = process.argv.slice(2);
const measure = await TASKS[task as PeerTask](Number(requests));
for (let i = 0; i < WARM_UPS; i++) await measure();
process.on('message', async () => process.send?.(await measure()));
process.send?.('ready');

/** What JavaScript costs: the same work in C and in TypeScript, and whether both come to the same. */
import { spreadOf } from '../compare/spread.ts';
import { initialColumns } from '../log/fold.ts';
import { compiler, FirstFitProgram, WholeRunProgram } from './c-program.ts';
import { checksumOf, runCore } from './core.ts';
import { PLAIN_POLICY } from './policies.ts';
import { expectSame, type ReferenceRun, referenceRun } from './reference.ts';
import { cpuSecondsSince, speedWorkload, timedRun } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';

const REQUESTS = 2_000_000;
const REPETITIONS = 5;

/** One measurement, in seconds: that passed, and of the CPU. */
interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** The same work in both languages; `count` of requests or events. */
interface Task {
  readonly name: string;
  readonly count: number;
  readonly inC: () => Measured;
  readonly inTypeScript: () => Measured | Promise<Measured>;
}

/**
 * Medians of interleaved repetitions, so that load on the machine affects all alike. Throws if C and TypeScript do not come to
 * the same.
 */
export async function peerTable(): Promise<string> {
  const cc = compiler();
  if (cc === undefined) return 'C beside TypeScript: skipped: no gcc (apt-get install gcc)';
  const workload = speedWorkload(REQUESTS);
  const reference = await referenceRun(workload, { keepsBatches: true });
  const firstFit = new FirstFitProgram(cc);
  const wholeRun = new WholeRunProgram(cc);
  try {
    firstFit.write(reference.log);
    wholeRun.write(reference.log, reference.guest);
    const placements = firstFit.run().checksum;
    // The reference was the warm-up of whole runs. Here first fit alone gets its own.
    for (let i = 0; i < 2; i++) expectPlacements(placements, checksumOf(runCore(reference.log).placements));
    expectSame(wholeRun.run(), reference);
    expectSame(wholeRun.fold(), reference);
    const rows = await measuredRows([
      {
        name: 'first fit alone',
        count: REQUESTS,
        inC: () => secondsOf(firstFit.run()),
        inTypeScript: () => {
          const { ns, cpuNs } = runCore(reference.log);
          return { seconds: ns / 1e9, cpuSeconds: cpuNs / 1e9 };
        },
      },
      {
        name: `whole run, ${PLAIN_POLICY}`,
        count: REQUESTS,
        inC: () => secondsOf(wholeRun.run()),
        inTypeScript: () => timedRun(PLAIN_POLICY, workload),
      },
      {
        name: 'fold of its events',
        count: reference.events,
        inC: () => secondsOf(wholeRun.fold()),
        inTypeScript: () => foldedAgain(reference),
      },
    ]);
    const table = speedTable(
      [`C (${cc} -O2) beside TypeScript, 4 GiB guest`, 'requests, events', 'CPU ns each', 'each/s', 'vs C'],
      rows,
    );
    return `${table}\nC and TypeScript came to the same placements, rows (checksum ${reference.checksum}), state and metrics.`;
  } finally {
    firstFit.remove();
    wholeRun.remove();
  }
}

const secondsOf = (run: { readonly ns: number; readonly 'cpu-ns': number }): Measured => ({
  seconds: run.ns / 1e9,
  cpuSeconds: run['cpu-ns'] / 1e9,
});

function expectPlacements(inC: string, inTypeScript: string): void {
  if (inC === inTypeScript) return;
  throw new Error(`first fit places differently in C (${inC}) and in TypeScript (${inTypeScript})`);
}

/** Bulk replay of all events of the run. */
function foldedAgain({ header, batches }: ReferenceRun): Measured {
  const columns = initialColumns(header);
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (const batch of batches) columns.fold(batch);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: cpuSecondsSince(cpu) };
}

/** A row in C and one in TypeScript for each task. The ratio is of CPU time, which other programs change least. */
async function measuredRows(tasks: readonly Task[]): Promise<string[][]> {
  const measured = tasks.map(() => ({ inC: [] as Measured[], inTypeScript: [] as Measured[] }));
  for (let i = 0; i < REPETITIONS; i++) {
    for (const [index, { inC, inTypeScript }] of tasks.entries()) {
      measured[index].inC.push(inC());
      measured[index].inTypeScript.push(await inTypeScript());
    }
  }
  const median = (values: readonly Measured[], of: keyof Measured) =>
    spreadOf(values.map((value) => value[of])).median;
  return tasks.flatMap(({ name, count }, index) => {
    const { inC, inTypeScript } = measured[index];
    const row = (what: string, values: readonly Measured[]) => [
      what,
      grouped(count),
      ((median(values, 'cpuSeconds') / count) * 1e9).toFixed(0),
      grouped(count / median(values, 'seconds')),
      times(median(values, 'cpuSeconds') / median(inC, 'cpuSeconds')),
    ];
    return [row(`C: ${name}`, inC), row(`TypeScript: ${name}`, inTypeScript)];
  });
}

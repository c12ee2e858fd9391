/** What JavaScript costs: the same work in C and in TypeScript, and whether both come to the same. */
import { spreadOf } from '../compare/spread.ts';
import { compiler, FirstFitProgram, WholeRunProgram } from './c-program.ts';
import { checksumOf, runCore } from './core.ts';
import { PLAIN_POLICY } from './policies.ts';
import { expectSame, referenceRun } from './reference.ts';
import { speedWorkload } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';
import { type Measured, TypeScriptProgram } from './ts-program.ts';

const REQUESTS = 2_000_000;
const REPETITIONS = 5;

/** The same work in both languages; `count` of requests or events. */
interface Task {
  readonly name: string;
  readonly count: number;
  readonly inC: () => Measured;
  readonly inTypeScript: () => Promise<Measured>;
}

/**
 * Medians of interleaved repetitions, so that load on the machine affects all alike. Both are compiled: C by its compiler,
 * TypeScript as the command is. Throws if C and TypeScript do not come to the same.
 */
export async function peerTable(): Promise<string> {
  const cc = compiler();
  if (cc === undefined) return 'C beside TypeScript: skipped: no gcc (apt-get install gcc)';
  const reference = await referenceRun(speedWorkload(REQUESTS));
  const firstFit = new FirstFitProgram(cc);
  const wholeRun = new WholeRunProgram(cc);
  const typeScript = new TypeScriptProgram();
  try {
    firstFit.write(reference.log);
    wholeRun.write(reference.log, reference.guest);
    expectPlacements(firstFit.run().checksum, checksumOf(runCore(reference.log).placements));
    expectSame(wholeRun.run(), reference);
    expectSame(wholeRun.fold(), reference);
    await typeScript.compile();
    const rows = await measuredRows([
      {
        name: 'first fit alone',
        count: REQUESTS,
        inC: () => secondsOf(firstFit.run()),
        inTypeScript: await typeScript.start('first-fit', REQUESTS),
      },
      {
        name: `whole run, ${PLAIN_POLICY}`,
        count: REQUESTS,
        inC: () => secondsOf(wholeRun.run()),
        inTypeScript: await typeScript.start('whole-run', REQUESTS),
      },
      {
        name: 'fold of its events',
        count: reference.events,
        inC: () => secondsOf(wholeRun.fold()),
        inTypeScript: await typeScript.start('fold', REQUESTS),
      },
    ]);
    const table = speedTable(
      [`C (${cc} -O2) beside TypeScript, 4 GiB guest`, 'requests, events', 'CPU ns each', 'each/s', 'vs C'],
      rows,
    );
    return `${table}\nC and TypeScript came to the same placements, rows (checksum ${reference.checksum}), state and metrics.`;
  } finally {
    typeScript.remove();
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

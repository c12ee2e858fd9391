/** What JavaScript costs: first fit in C and in TypeScript over the same requests, and a whole comparison run. */
import { x86Geometry } from '@decpool/model';
import { spreadOf } from '../compare/spread.ts';
import { CProgram, compiler } from './c-program.ts';
import { checksumOf, runCore } from './core.ts';
import { PLAIN_POLICY } from './policies.ts';
import { logOf } from './request-log.ts';
import { SPEED_PAGES, secondsOfRun, speedWorkload } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';

const REPETITIONS = 5;

/**
 * Medians of interleaved repetitions, so that load on the machine affects all alike. Throws if C and TypeScript place
 * differently.
 */
export async function peerTable(): Promise<string> {
  const cc = compiler();
  if (cc === undefined) return 'C beside TypeScript: skipped: no gcc (apt-get install gcc)';
  const workload = speedWorkload(2_000_000);
  const requests = workload.requests.length;
  const log = logOf(workload.requests, x86Geometry(SPEED_PAGES));
  const program = new CProgram(cc);
  try {
    program.write(log);
    const { checksum } = program.run();
    // Also the warm-up: compiled code is timed, as in any long comparison.
    for (let i = 0; i < 2; i++) {
      const inTypeScript = checksumOf(runCore(log).placements);
      if (checksum === inTypeScript) continue;
      throw new Error(
        `first fit places differently in C (checksum ${checksum}) and in TypeScript (${inTypeScript})`,
      );
    }
    await secondsOfRun(PLAIN_POLICY, speedWorkload(200_000));
    const inC: number[] = [];
    const core: number[] = [];
    const whole: number[] = [];
    for (let i = 0; i < REPETITIONS; i++) {
      inC.push(program.run().ns / 1e9);
      core.push(runCore(log).ns / 1e9);
      whole.push(await secondsOfRun(PLAIN_POLICY, workload));
    }
    const row = (what: string, seconds: readonly number[]) => {
      const { median } = spreadOf(seconds);
      return [what, grouped(requests), grouped(requests / median), times(median / spreadOf(inC).median)];
    };
    const table = speedTable(
      ['C beside TypeScript, 4 GiB guest', 'requests', 'requests/s', 'time vs C'],
      [
        row(`C (${cc} -O2): first fit alone`, inC),
        row('TypeScript: first fit alone', core),
        row(`TypeScript: ${PLAIN_POLICY}, decide + fold + metrics`, whole),
      ],
    );
    return `${table}\nC and TypeScript put every allocation in the same place (checksum ${checksum}).`;
  } finally {
    program.remove();
  }
}

/** What JavaScript costs: first fit in C and in TypeScript over the same requests, and a whole comparison run. */
import { x86Geometry } from '@decpool/model';
import { spreadOf } from '../compare/spread.ts';
import { CProgram } from './c-program.ts';
import { checksumOf, runCore } from './core.ts';
import { PLAIN_POLICY } from './policies.ts';
import { logOf } from './request-log.ts';
import { requestSpeed, SPEED_PAGES, speedWorkload } from './requests.ts';

export interface PeerSpeed {
  readonly what: string;
  readonly requestsPerSecond: number;
  /** Time per request against that of C. */
  readonly ratio: number;
}

export interface PeerComparison {
  readonly requests: number;
  /** Of all placements: that of C and that of TypeScript. */
  readonly checksum: string;
  readonly speeds: readonly PeerSpeed[];
}

const REPETITIONS = 5;

/**
 * Medians of interleaved repetitions, so that what else the machine does meets all alike. Throws an Error when C and
 * TypeScript put an allocation in different places.
 */
export async function comparePeers(cc: string): Promise<PeerComparison> {
  const workload = speedWorkload();
  const requests = workload.requests.length;
  const log = logOf(workload.requests, x86Geometry(SPEED_PAGES));
  const program = new CProgram(cc);
  try {
    program.write(log);
    const { checksum } = program.run();
    // Also the warm-up: what is timed is compiled code, as in any long comparison.
    for (let i = 0; i < 2; i++) expectSame(checksum, checksumOf(runCore(log).placements));
    await requestSpeed(PLAIN_POLICY, speedWorkload(200_000));
    const inC: number[] = [];
    const core: number[] = [];
    const whole: number[] = [];
    for (let i = 0; i < REPETITIONS; i++) {
      inC.push(program.run().ns);
      core.push(runCore(log).ns);
      whole.push((requests / (await requestSpeed(PLAIN_POLICY, workload)).requestsPerSecond) * 1e9);
    }
    const speed = (what: string, times: readonly number[]): PeerSpeed => {
      const ns = spreadOf(times).median;
      return { what, requestsPerSecond: (requests / ns) * 1e9, ratio: ns / spreadOf(inC).median };
    };
    return {
      requests,
      checksum,
      speeds: [
        speed(`C (${cc} -O2): first fit alone`, inC),
        speed('TypeScript: first fit alone', core),
        speed(`TypeScript: ${PLAIN_POLICY}, decide + fold + metrics`, whole),
      ],
    };
  } finally {
    program.remove();
  }
}

function expectSame(inC: string, inTypeScript: string): void {
  if (inC === inTypeScript) return;
  throw new Error(`first fit places differently in C (checksum ${inC}) and in TypeScript (${inTypeScript})`);
}

/** A small log of each format, with one bit that is another, or cut off. All commands that read logs, in this process. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS, DamagedLog, spread } from '../../packages/bench/src/cli/testing-damage.ts';
import { shortRun } from '../../packages/bench/src/log/testing.ts';
import type { Fault, Try } from './fault.ts';
import type { World } from './world.ts';

/** `damages`: of each kind, spread evenly over the log. All, if there are no more. */
export async function damageFaults({ folder }: World, damages: number): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const format of ['ndjson', 'arrow'] as const) {
    const place = join(folder, `damaged-${format}`);
    mkdirSync(place);
    const log = await DamagedLog.of(shortRun(), format, place);
    const { bytes } = log;
    faults.push(
      {
        name: `one altered bit of a log as ${format}`,
        tries: spread(damages, bytes.length * 8).flatMap((bit) =>
          tries(log, `bit ${bit}`, () => {
            const damaged = Buffer.from(bytes);
            damaged[bit >>> 3] ^= 1 << (bit & 7);
            return damaged;
          }),
        ),
      },
      {
        name: `a log as ${format}, cut off`,
        tries: spread(damages, bytes.length).flatMap((length) =>
          tries(log, `${length} bytes`, () => bytes.subarray(0, length)),
        ),
      },
    );
  }
  return faults;
}

/** The commands answer together, when the first of them is tried. */
function tries(log: DamagedLog, what: string, damaged: () => Uint8Array): Try[] {
  let answers: ReturnType<DamagedLog['verdicts']> | undefined;
  return COMMANDS.map((command) => ({
    command,
    what,
    async run() {
      answers ??= log.verdicts(damaged());
      const verdict = (await answers)[command];
      if (command === COMMANDS.at(-1)) answers = undefined;
      return typeof verdict === 'string' ? undefined : JSON.stringify(verdict);
    },
  }));
}

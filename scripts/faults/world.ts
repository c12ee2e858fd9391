/** What the faults are tried on: a folder with results, logs, a trace and the definition of a sweep. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decpool } from './command.ts';

export interface World {
  readonly folder: string;
  /** A folder of results with logs. */
  readonly results: string;
  /** One of its logs. */
  readonly log: string;
  readonly trace: string;
  readonly sweep: string;
  /** A path that nothing has been written to. */
  fresh(ending?: string): string;
}

const SMALL = ['--memory', '1G', '--seeds', '1', '--workers', '1'];

/** Words of a comparison that takes a second. */
export const compareWords = (out: string): string[] => [
  ...['compare', '--workload', 'churn', '--policy', 'gfp-decrypted,linux-6.12', ...SMALL],
  ...['--out', out],
];

/** Of the trace. */
const STEPS = 100_000;

export async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-faults-'));
  const results = join(folder, 'results');
  const made = await decpool(compareWords(results));
  if (made.code !== 0) throw new Error(`decpool compare failed without a fault:\n${made.stderr}`);
  const trace = join(folder, 'trace.txt');
  writeFileSync(trace, stepsOf(STEPS));
  const sweep = join(folder, 'sweep.json');
  writeFileSync(
    sweep,
    JSON.stringify({
      name: 'small',
      policies: ['gfp-decrypted', 'linux-6.12'],
      inputs: [{ workload: 'churn' }],
      memory: ['1G'],
      seeds: [1, 2],
    }),
  );
  let count = 0;
  return {
    ...{ folder, results, trace, sweep },
    log: join(results, 'churn/logs/gfp-decrypted.arrow'),
    fresh(ending = '') {
      const place = join(folder, `fresh-${count++}`);
      mkdirSync(place);
      return join(place, `out${ending}`);
    },
  };
}

/** Lines of a trace: allocations of some orders, each freed 50 steps later. */
export function stepsOf(steps: number): string {
  const lines: string[] = [];
  for (let id = 0; id < steps; id++) {
    lines.push(`a ${id} ${id % 4}`);
    if (id >= 50) lines.push(`f ${id - 50} ${(id - 50) % 4}`);
  }
  return `${lines.join('\n')}\n`;
}

export const removeWorld = ({ folder }: World): void => rmSync(folder, { recursive: true, force: true });

/** Why a file that should be there, whole, is not. */
export async function notWhole(log: string): Promise<string | undefined> {
  if (!existsSync(log)) return `${log} is missing`;
  const { code, stdout } = await decpool(['replay', log]);
  return code === 0 ? undefined : `${log} is not whole: ${stdout}`;
}

/** How time and memory of a run grow with its requests and with the guest. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { grouped, speedTable, times } from './table.ts';

/** What growth-run.ts measures. CPU time, without that of making the requests. */
export interface GrowthRun {
  readonly requests: number;
  /** Memory of the guest. */
  readonly gib: number;
  /** Until the first 1,024 requests are served. */
  readonly startSeconds: number;
  /** Of all requests after these. */
  readonly cpuSeconds: number;
  /** Of the process, bytes. */
  readonly peakMemory: number;
}

export const SMALL_GIB = 4;
/** With the hole below 4 GiB the last page is the last that a guest can have. */
const LARGE_GIB = 1023;
const FEWEST = 200_000;
const USUAL = 2_000_000;
const MOST_REQUESTS = 20_000_000;

/** `most`: requests of the longest run. */
export function growthTable(most = MOST_REQUESTS): string {
  const usual = Math.min(USUAL, most);
  const counts = [...new Set([Math.min(FEWEST, most), usual, most])];
  const runs = [
    ...counts.map((requests) => growthRun(requests, SMALL_GIB)),
    growthRun(usual, 64),
    growthRun(usual, LARGE_GIB),
  ];
  const nsEach = ({ cpuSeconds, requests }: GrowthRun) => (cpuSeconds / requests) * 1e9;
  return speedTable(
    ['whole run, 2 GiB live', 'requests', 'CPU ns each', 'vs first', 'start s', 'peak MiB'],
    runs.map((run) => [
      `${run.gib} GiB guest`,
      grouped(run.requests),
      nsEach(run).toFixed(0),
      times(nsEach(run) / nsEach(runs[0])),
      run.startSeconds.toFixed(2),
      grouped(run.peakMemory / 2 ** 20),
    ]),
  );
}

function growthRun(requests: number, gib: number): GrowthRun {
  const program = fileURLToPath(new URL('./growth-run.ts', import.meta.url));
  const args = ['--import', 'tsx', program, String(requests), String(gib)];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

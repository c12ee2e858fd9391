/** How time and memory of a run grow with its requests and with the guest. */
import { compile } from './compiled.ts';
import type { GrowthRun } from './growth-run.ts';
import { SMALL_GIB } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';

/** With the hole below 4 GiB the last page is the last that a guest can have. */
const LARGE_GIB = 1023;
const FEWEST = 200_000;
const USUAL = 2_000_000;
const MOST_REQUESTS = 20_000_000;

/** `most`: requests of the longest run. */
export async function growthTable(most = MOST_REQUESTS): Promise<string> {
  const program = await compile('growth-run');
  try {
    return tableOf((requests, gib) => program.printed(String(requests), String(gib)) as GrowthRun, most);
  } finally {
    program.remove();
  }
}

function tableOf(growthRun: (requests: number, gib: number) => GrowthRun, most: number): string {
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

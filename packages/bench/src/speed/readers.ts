/** How fast traces are read, and that memory does not grow with the file. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { READER_INPUTS } from './reader-lines.ts';
import type { ReaderRun } from './readers-run.ts';
import { grouped, speedTable, times } from './table.ts';

const MOST_LINES = 10_000_000;
const SHORTER = 10;

/** `most`: lines of the longest run. Each reader takes turns with splitting the same lines. */
export function readerTable(most = MOST_LINES): string {
  const few = Math.ceil(most / SHORTER);
  return speedTable(
    [
      'reader, 20,000 live',
      'lines/s',
      'CPU ns each',
      'vs splitting',
      `peak MiB, ${millions(few)}`,
      `${millions(most)} lines`,
    ],
    READER_INPUTS.map(({ name }) => {
      const split = readerRun(name, 'split', most);
      const short = readerRun(name, 'read', few);
      const long = readerRun(name, 'read', most);
      const each = (run: ReaderRun) => (run.cpuSeconds / run.lines) * 1e9;
      return [
        name,
        grouped(long.lines / long.cpuSeconds),
        each(long).toFixed(0),
        times(each(long) / each(split), 1),
        grouped(short.peakMemory / 2 ** 20),
        grouped(long.peakMemory / 2 ** 20),
      ];
    }),
  );
}

const millions = (lines: number) => (lines < 1e6 ? grouped(lines) : `${lines / 1e6} M`);

function readerRun(name: string, how: 'split' | 'read', lines: number): ReaderRun {
  const program = fileURLToPath(new URL('./readers-run.ts', import.meta.url));
  const args = ['--import', 'tsx', program, name, how, String(lines)];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

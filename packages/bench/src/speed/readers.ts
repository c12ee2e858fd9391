/** How fast traces are read, and that memory does not grow with the file. */
import { compile } from './compiled.ts';
import { READER_INPUTS } from './reader-lines.ts';
import type { ReaderRun } from './readers-run.ts';
import { grouped, speedTable, times } from './table.ts';

const MOST_LINES = 10_000_000;
const SHORTER = 10;

/** `most`: lines of the longest run. Each reader takes turns with splitting the same lines. */
export async function readerTable(most = MOST_LINES): Promise<string> {
  const program = await compile('readers-run');
  try {
    return tableOf((name, how, lines) => program.printed(name, how, String(lines)) as ReaderRun, most);
  } finally {
    program.remove();
  }
}

function tableOf(
  readerRun: (name: string, how: 'split' | 'read', lines: number) => ReaderRun,
  most: number,
): string {
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

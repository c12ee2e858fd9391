/** Reads a `freelists v1` file (docs/reference/freelists.md): the page allocator's whole state, and the requests that followed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, type MemoryState } from '@decpool/model';
import { readText } from '../../files/read-text.ts';
import { isFile } from '../../files/stats.ts';
import { printable } from '../../text/printable.ts';
import { DumpReader } from './freelists-dump.ts';
import { FreelistsLine } from './freelists-line.ts';
import { type FreelistsStep, StepReader } from './freelists-steps.ts';

const MAGIC = 'freelists v1';

/** As many as the lists of a zone can have. */
const MOST_CPUS = 1024;

export interface FreelistsHeader {
  /** What it is, from the header's own words: `6.1.0-56-amd64 convert-fresh-mix-3`. */
  readonly name: string;
  /** Release of the kernel. */
  readonly kernel: string;
  readonly cpus: number;
  /** CPU that the sequence begins on. */
  readonly cpu: number;
  /** Whether each page was decrypted after its allocation, and encrypted before it was freed. */
  readonly isConverting: boolean;
}

export interface Freelists {
  readonly file: string;
  readonly header: FreelistsHeader;
  readonly memory: MemoryState;
  readonly steps: readonly FreelistsStep[];
}

/** The file itself, or the one in a folder; undefined if a folder has none, or nothing is there. */
export function freelistsAt(path: string): string | undefined {
  if (isFile(path)) return path;
  return ['freelists.gz', 'freelists'].map((name) => join(path, name)).find((file) => existsSync(file));
}

const isFreelists = (text: string): boolean => text.startsWith(`${MAGIC} `);

/** Reads a file, plain or gzipped. Throws InputError with file and line. */
export const readFreelists = (path: string): Freelists => parseFreelists(readText(path), path);

/** `file` is only for errors. Throws InputError `FILE:LINE: what it is; expected what it should be`. */
export function parseFreelists(text: string, file: string): Freelists {
  const lines = text.split('\n');
  const header = headerOf(new FreelistsLine(file, 1, lines[0]), lines[0]);
  const dump = new DumpReader(header.cpus);
  const steps: FreelistsStep[] = [];
  let reader: StepReader | undefined;
  // A text ends with a line end: what follows the last one is no line.
  for (let index = 1; index < lines.length - 1; index++) {
    const line = new FreelistsLine(file, index + 1, lines[index]);
    if (line.kind === 'end') {
      return { file, header, memory: dump.memory(header.name, header.kernel), steps };
    }
    if (dump.read(line)) {
      if (reader !== undefined)
        line.fail(`'${line.kind}' after the first request`, 'the dump before the sequence');
      continue;
    }
    reader ??= new StepReader(header.cpus, dump.zones);
    steps.push(reader.read(line));
  }
  throw new InputError(`${file}:${lines.length}: the file is cut off; expected 'end' as its last line`);
}

function headerOf(line: FreelistsLine, text: string): FreelistsHeader {
  if (!isFreelists(text))
    line.fail(`'${printable(text.slice(0, MAGIC.length))}'`, `'${MAGIC}' and key=value`);
  const values = line.values();
  const kernel = values.text('kernel');
  const cpus = values.whole('smp');
  if (cpus < 1 || cpus > MOST_CPUS) line.fail(`smp=${cpus}`, `1 to ${MOST_CPUS} CPUs`);
  const cpu = values.whole('cpu');
  if (cpu >= cpus) line.fail(`cpu=${cpu}`, `0 to ${cpus - 1}`);
  const isConverting = values.has('convert') && values.text('convert') === '1';
  const words = ['state', 'kind', 'seed'].filter((key) => values.has(key)).map((key) => values.text(key));
  const name = [kernel, [...(isConverting ? ['convert'] : []), ...words].join('-')].join(' ').trim();
  return { name, kernel, cpus, cpu, isConverting };
}

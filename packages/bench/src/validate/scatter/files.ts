/**
 * Where the files of a scatter recording are. A run is a CSV of rows and, for the moments before and after it, copies
 * of /proc files. These lie, whichever is found first,
 *
 * - in `snapshots.tar.gz` beside the CSV, as `before/buddyinfo`, or `E1d.before/buddyinfo` where a folder has several runs;
 * - in folders of those names beside the CSV;
 * - for a CSV in `recordings/KERNEL/RUN`, in `memory/KERNEL-RUN-before`, a memory state in one flat folder.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@decpool/model';
import { list } from 'tar';
import { folderFiles, type ProcFiles } from '../../traces/memory-state/proc-files.ts';

export interface RunFiles {
  /** The run as it is shown: the folder as given, and the run's own name where the folder has several. */
  readonly name: string;
  readonly csv: string;
  /**
   * `buddyinfo`, `pagetypeinfo`, `vmstat` of the moment before the first request; `iomem`; `zoneinfo` of any moment;
   * `vmstat-end` of the moment when everything was allocated (`held`), or of `after` where that was not recorded.
   */
  readonly proc: ProcFiles;
}

const CSV = /\.csv(\.gz)?$/;

/** The CSV files that `dir` stands for: all in the folder, or the one of that name in the folder above. Throws InputError. */
export function csvFilesOf(dir: string): string[] {
  if (existsSync(dir)) {
    let names: string[];
    try {
      names = readdirSync(dir);
    } catch {
      throw new InputError(
        `${dir}: not a folder; expected the folder of a recording, such as recordings/k61/E1f`,
      );
    }
    const files = names.filter((name) => CSV.test(name)).sort();
    if (files.length === 0) throw new InputError(`${dir}: no .csv or .csv.gz in it; expected a recording`);
    return files.map((name) => join(dir, name));
  }
  const inFolder = ['.csv.gz', '.csv'].map((ending) => `${dir}${ending}`).find((path) => existsSync(path));
  if (inFolder === undefined) {
    throw new InputError(`${dir}: no such folder, and no ${dir}.csv.gz; expected the folder of a recording`);
  }
  return [inFolder];
}

/** The files of the run that `csv` recorded. Throws InputError when nothing tells of the moment before it. */
export function runFiles(csv: string): RunFiles {
  const folder = dirname(csv);
  const stem = basename(csv).replace(CSV, '');
  const isOnly = stem === 'ops';
  const run = isOnly ? basename(resolve(folder)) : stem;
  const name = isOnly ? folder : join(folder, stem);
  const prefixes = isOnly ? [''] : [`${stem}.`, ''];

  const tried: string[] = [];
  for (const files of sources(folder)) {
    for (const prefix of prefixes) {
      tried.push(files.pathOf(`${prefix}before/buddyinfo`));
      if (files.textOf(`${prefix}before/buddyinfo`) !== undefined) {
        return { name, csv, proc: renamed(files, namesInSnapshots(prefix)) };
      }
    }
  }
  const kernel = dirname(resolve(folder));
  const flat = join(dirname(dirname(kernel)), 'memory', `${basename(kernel)}-${run}-before`);
  tried.push(join(flat, 'buddyinfo'));
  if (existsSync(join(flat, 'buddyinfo'))) {
    return { name, csv, proc: renamed(folderFiles(flat), NAMES_IN_MEMORY_STATE) };
  }
  throw new InputError(
    `${csv}: the state of memory before the run is missing; expected one of ${tried.join(', ')}`,
  );
}

function sources(folder: string): ProcFiles[] {
  const archive = join(folder, 'snapshots.tar.gz');
  return existsSync(archive) ? [archiveFiles(archive), folderFiles(folder)] : [folderFiles(folder)];
}

/** Paths to look for under each name, the best first. */
type Names = Readonly<Record<string, readonly string[]>>;

const namesInSnapshots = (prefix: string): Names => ({
  buddyinfo: [`${prefix}before/buddyinfo`],
  pagetypeinfo: [`${prefix}before/pagetypeinfo`],
  vmstat: [`${prefix}before/vmstat`],
  'vmstat-end': [`${prefix}held/vmstat`, `${prefix}after/vmstat`],
  iomem: ['iomem'],
  zoneinfo: [`${prefix}before/zoneinfo`, `${prefix}held/zoneinfo`, `${prefix}after/zoneinfo`],
});

const NAMES_IN_MEMORY_STATE: Names = {
  buddyinfo: ['buddyinfo'],
  pagetypeinfo: ['pagetypeinfo'],
  vmstat: ['vmstat'],
  'vmstat-end': ['vmstat-held', 'vmstat-after'],
  iomem: ['iomem'],
  zoneinfo: ['zoneinfo'],
};

function renamed(files: ProcFiles, names: Names): ProcFiles {
  const pathOf = (name: string) => {
    const candidates = names[name] ?? [name];
    return candidates.find((path) => files.textOf(path) !== undefined) ?? candidates[0];
  };
  return {
    place: files.place,
    pathOf: (name) => files.pathOf(pathOf(name)),
    textOf: (name) => files.textOf(pathOf(name)),
  };
}

/** The files of a tar archive, gzipped or not. Throws InputError when it is not one, or cut off. */
function archiveFiles(archive: string): ProcFiles {
  const chunks = new Map<string, Buffer[]>();
  try {
    list({
      file: archive,
      sync: true,
      strict: true,
      onReadEntry: (entry) => {
        const parts: Buffer[] = [];
        chunks.set(entry.path.replace(/^\.\//, ''), parts);
        entry.on('data', (part) => parts.push(part));
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${archive}: cannot be unpacked (${reason}); expected a whole tar archive`);
  }
  const texts = new Map([...chunks].map(([path, parts]) => [path, Buffer.concat(parts).toString('utf8')]));
  return {
    place: archive,
    pathOf: (path) => `${archive}:${path}`,
    textOf: (path) => texts.get(path),
  };
}

/**
 * Where the files of a scatter run are: a CSV of rows and copies of /proc files. The copies of a moment (`before` the
 * run, `held` when everything is allocated, `after` the frees) are in the first of these that has any:
 *
 * - `snapshots.tar.gz` beside the CSV, as `before/buddyinfo`, or `E1d.before/buddyinfo` if a folder has several runs;
 * - folders of those names beside the CSV;
 * - for `recordings/KERNEL/RUN`, the memory state `memory/KERNEL-RUN-before`, as `vmstat` and `vmstat-held`.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@decpool/model';
import { list } from 'tar';
import { messageOf } from '../../files/error-text.ts';
import { folderFiles, type ProcFiles } from '../../traces/memory-state/proc-files.ts';

export interface RunFiles {
  /** The folder as the user gave it, and the run's own name if the folder has several. */
  readonly name: string;
  /**
   * `buddyinfo`, `pagetypeinfo` and `vmstat` before the first request; `iomem`; `zoneinfo` of any moment;
   * `vmstat-end` of the moment `held`, or of `after` if that was not recorded.
   */
  readonly proc: ProcFiles;
}

const CSV = /\.csv(\.gz)?$/;

/** The CSV files of `dir`: all in the folder, or the one of that name in the folder above. Throws InputError. */
export function csvFilesOf(dir: string): string[] {
  if (!existsSync(dir)) {
    const file = ['.csv.gz', '.csv'].map((ending) => `${dir}${ending}`).find((path) => existsSync(path));
    if (file !== undefined) return [file];
    throw new InputError(`${dir}: no such folder, and no ${dir}.csv.gz; expected the folder of a recording`);
  }
  if (!statSync(dir).isDirectory()) {
    throw new InputError(
      `${dir}: not a folder; expected the folder of a recording, such as recordings/k61/E1f`,
    );
  }
  const files = readdirSync(dir)
    .filter((name) => CSV.test(name))
    .sort();
  if (files.length === 0) throw new InputError(`${dir}: no .csv or .csv.gz in it; expected a recording`);
  return files.map((name) => join(dir, name));
}

/** Path of a file of a moment. */
type PathOf = (moment: string, file: string) => string;

/** The files of the run that `csv` recorded. Throws InputError if there is no memory state of the moment before it. */
export function runFiles(csv: string): RunFiles {
  const folder = dirname(csv);
  const stem = basename(csv).replace(CSV, '');
  const isOnly = stem === 'ops';
  const archive = join(folder, 'snapshots.tar.gz');
  const kernel = dirname(resolve(folder));
  const run = isOnly ? basename(resolve(folder)) : stem;
  const memoryState = join(dirname(dirname(kernel)), 'memory', `${basename(kernel)}-${run}-before`);

  const inFolders = [...(existsSync(archive) ? [archiveFiles(archive)] : []), folderFiles(folder)];
  const prefixes = isOnly ? [''] : [`${stem}.`, ''];
  const places: readonly (readonly [files: ProcFiles, pathOf: PathOf])[] = [
    ...inFolders.flatMap((files) =>
      prefixes.map((prefix): [ProcFiles, PathOf] => [files, (moment, file) => `${prefix}${moment}/${file}`]),
    ),
    [folderFiles(memoryState), (moment, file) => (moment === 'before' ? file : `${file}-${moment}`)],
  ];
  const found = places.find(([files, pathOf]) => files.textOf(pathOf('before', 'buddyinfo')) !== undefined);
  if (found === undefined) {
    const tried = places.map(([files, pathOf]) => files.pathOf(pathOf('before', 'buddyinfo'))).join(', ');
    throw new InputError(`${csv}: the state of memory before the run is missing; expected one of ${tried}`);
  }
  return { name: isOnly ? folder : join(folder, stem), proc: ofMoments(...found) };
}

/** Moments of a file, the best first. Default: before. */
const MOMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['vmstat-end', ['held', 'after']],
  ['zoneinfo', ['before', 'held', 'after']],
]);

/** The files by the names of RunFiles, each of the first moment that has it. */
function ofMoments(files: ProcFiles, pathOf: PathOf): ProcFiles {
  const find = (name: string) => {
    if (name === 'iomem') return name;
    const paths = (MOMENTS.get(name) ?? ['before']).map((moment) => pathOf(moment, name.replace('-end', '')));
    return paths.find((path) => files.textOf(path) !== undefined) ?? paths[0];
  };
  return {
    place: files.place,
    pathOf: (name) => files.pathOf(find(name)),
    textOf: (name) => files.textOf(find(name)),
  };
}

/** The files of a tar archive, gzipped or not. Throws InputError if it is not one, or cut off. */
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
    const reason = messageOf(error);
    throw new InputError(`${archive}: cannot be unpacked (${reason}); expected a whole tar archive`);
  }
  const texts = new Map([...chunks].map(([path, parts]) => [path, Buffer.concat(parts).toString('utf8')]));
  return { place: archive, pathOf: (path) => `${archive}:${path}`, textOf: (path) => texts.get(path) };
}

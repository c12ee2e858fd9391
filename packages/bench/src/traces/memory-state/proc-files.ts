/** Copies of /proc files, from a folder or another place. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, PAGE_SIZE } from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import { readText } from '../../files/read-text.ts';

/** Files that were copied from /proc at about one moment, by their names there. */
export interface ProcFiles {
  /** Where they are, for messages. */
  readonly place: string;
  /** A file of that name, for messages. */
  pathOf(name: string): string;
  /** The content of a file; undefined if it is missing. */
  textOf(name: string): string | undefined;
}

export interface ProcLine {
  readonly text: string;
  /** An error that names file and line. */
  refuse(message: string): InputError;
}

export function folderFiles(dir: string): ProcFiles {
  const pathOf = (name: string) => join(dir, name);
  const textOf = (name: string) => (existsSync(pathOf(name)) ? readText(pathOf(name)) : undefined);
  return { place: dir, pathOf, textOf };
}

/** The lines of a file. Throws InputError if it is missing. */
export function procLines(files: ProcFiles, name: string): ProcLine[] {
  const content = files.textOf(name);
  const path = files.pathOf(name);
  if (content === undefined) {
    throw new InputError(
      `${path}: cannot be read; a memory state is a folder with copies of /proc/buddyinfo and /proc/pagetypeinfo`,
    );
  }
  return content.split('\n').map((text, index) => ({
    text,
    refuse: (message) => new InputError(`${path}:${index + 1}: ${message}`),
  }));
}

/** Whole pages of the ranges of /proc/iomem; the groups of `line` are first and last address. Undefined if the file is missing. */
export function iomemRanges(files: ProcFiles, line: RegExp): PageRun[] | undefined {
  if (files.textOf('iomem') === undefined) return undefined;
  return procLines(files, 'iomem').flatMap(({ text }): PageRun[] => {
    const match = line.exec(text);
    if (match === null) return [];
    const start = Math.ceil(Number.parseInt(match[1], 16) / PAGE_SIZE);
    const end = Math.floor((Number.parseInt(match[2], 16) + 1) / PAGE_SIZE);
    return end > start ? [[start, end - start]] : [];
  });
}

/** A zone in messages: `zone DMA32`, `node 1, zone Normal`. */
export const zoneLabel = (node: number, name: string): string =>
  node === 0 ? `zone ${name}` : `node ${node}, zone ${name}`;

import { isAbsolute, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Where in a file an error comes from, as `my-policy.ts:12`: the first of its stack's lines that is in the file. Undefined
 * when none is.
 */
export function placeOf(error: unknown, file: string): string | undefined {
  const text = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : '';
  for (const name of [file, pathToFileURL(file).href]) {
    const at = text.indexOf(`${name}:`);
    const line = at === -1 ? null : /^\d+/.exec(text.slice(at + name.length + 1));
    if (line !== null) return `${shown(file)}:${line[0]}`;
  }
  return undefined;
}

/** A file as a user would type it: below the working folder from there. */
export function shown(file: string): string {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

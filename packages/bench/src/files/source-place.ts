import { isAbsolute, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The place in a file that an error comes from: its innermost stack frame there, as `my-policy.ts:12`. Undefined if it has none. */
export function placeOf(error: unknown, file: string): string | undefined {
  const text = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : '';
  for (const name of [file, pathToFileURL(file).href]) {
    const at = text.indexOf(`${name}:`);
    const line = at === -1 ? null : /^\d+/.exec(text.slice(at + name.length + 1));
    if (line !== null) return `${shown(file)}:${line[0]}`;
  }
  return undefined;
}

/** A path as a user would type it: relative if the file is below the working folder. */
export function shown(file: string): string {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

/** Texts name documents and examples as the checkout has them. Readers may have only the package, or another working directory. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { shippedPath } from './resource.ts';

/** A name of something in `docs` or `examples` that does not stand in quotes. It may end in a pattern. */
const NAME = /(?<![\w./"'-])(?:docs|examples)\/[\w.*/-]*[\w*]/g;

/** The text, with each such name as a path that can be opened from the working directory. */
export const openable = (text: string): string =>
  text.replaceAll(NAME, (name) => {
    // Of a pattern: the folder that it begins with.
    const known = name.replace(/\/[^/*]*\*.*$/, '');
    const shipped = shippedPath(name);
    if (existsSync(resolve(process.cwd(), known)) || !existsSync(shippedPath(known))) return name;
    const path = relative(process.cwd(), shipped);
    return path.startsWith('..') ? shipped : path;
  });

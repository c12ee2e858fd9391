/**
 * Lets an import of a name from the entry of a package come from the file that defines the name. An entry imports all files
 * of its package; with it in between, a bundler gives every command all of them.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

/** `entries`: source of each entry, by the specifier that imports it. */
export function directImports(entries: ReadonlyMap<string, string>): Plugin {
  const homes = new Map([...entries].map(([specifier, file]) => [specifier, homesOf(file)]));
  return {
    name: 'direct-imports',
    setup(build) {
      build.onLoad({ filter: /[\\/]packages[\\/]\w+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
        contents: directlyImported(readFileSync(path, 'utf8'), homes),
        loader: 'ts',
      }));
    },
  };
}

/** A source with such imports. `homes`: the file of each name, by the entry that exports it. */
export const directlyImported = (
  source: string,
  homes: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string =>
  source.replaceAll(IMPORT, (whole, names: string, specifier: string) => {
    const of = homes.get(specifier);
    return of === undefined ? whole : imports(names, specifier, of);
  });

/** An import with names, of the form that the formatter gives it; one of types only leaves no code. */
const IMPORT = /^import \{([^}]+)\} from '(@decpool\/[^']+)';$/gm;

function imports(names: string, specifier: string, homes: ReadonlyMap<string, string>): string {
  const lines = names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => {
      const home = homes.get(name.split(' ')[0]) ?? specifier;
      return `import { ${name} } from ${JSON.stringify(home)};`;
    });
  // On one line, so that the line numbers stay.
  return lines.join(' ');
}

/** The file that defines each name that an entry exports. */
export function homesOf(entry: string): Map<string, string> {
  const text = readFileSync(entry, 'utf8');
  const homes = new Map<string, string>();
  const fileOf = (path: string) => join(dirname(entry), path);
  for (const [, names, path] of text.matchAll(/^export \{([^}]+)\} from '(\.[^']+)';$/gm)) {
    for (const name of names.split(',')) homes.set(name.trim(), fileOf(path));
  }
  for (const [, path] of text.matchAll(/^export \* from '(\.[^']+)';$/gm)) {
    for (const [name, home] of homesOf(fileOf(path))) homes.set(name, home);
  }
  for (const [, name] of text.matchAll(/^export (?:const|class|(?:async )?function\*?) (\w+)/gm)) {
    homes.set(name, entry);
  }
  return homes;
}

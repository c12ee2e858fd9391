/** Compiles a library package to `dist`: ES modules, declarations and source maps of what its entries reach. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** package.json, as far as a build needs it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** `others`: files that are not compiled, by their paths in `src`. Throws if code imports what package.json does not list, or the reverse. */
export function compile(folder: string, others: readonly string[] = []): void {
  const dist = join(folder, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(folder, 'tsconfig.build.json')], { stdio: 'inherit' });
  for (const file of filesIn(dist, '.d.ts')) {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(RELATIVE_TS, '$1.js$2'));
  }
  for (const path of others) {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    copyFileSync(join(folder, 'src', path), join(dist, path));
  }
  const { exports, dependencies, peerDependencies, name } = manifestOf(folder);
  const entries = Object.values(exports)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(dist, path.replace('./src/', '').replace(/\.ts$/, '')));
  const code = reached(entries.map((entry) => `${entry}.js`));
  const types = reached(entries.map((entry) => `${entry}.d.ts`));
  removeOthers(dist, code.files, types.files);
  const used = [...new Set([...code.packages, ...types.packages])].sort().join(', ');
  const listed = Object.keys({ ...dependencies, ...peerDependencies })
    .sort()
    .join(', ');
  if (used !== listed) throw new Error(`${name}: code imports ${used}, but dependencies list ${listed}`);
}

/** The specifier of a relative import of TypeScript, which declarations keep. */
const RELATIVE_TS =
  /(from '\.[^']+|import\('\.[^']+|import '\.[^']+|from "\.[^"]+|import\("\.[^"]+)\.ts(['"])/g;

/** As the compiler prints them. */
const IMPORT = /^(?:import|export) (?:[^'"=(]*? from )?['"]([^'"]+)['"];$|\bimport\(['"]([^'"]+)['"]\)/gm;

interface Reached {
  readonly files: ReadonlySet<string>;
  /** Names of other packages that are imported. */
  readonly packages: ReadonlySet<string>;
}

/** What files import, directly or not. */
function reached(entries: readonly string[]): Reached {
  const files = new Set(entries);
  const packages = new Set<string>();
  // A set's iteration sees what is added to it.
  for (const file of files) {
    const code = readFileSync(file, 'utf8').replaceAll(COMMENT, '');
    for (const [, named, dynamic] of code.matchAll(IMPORT)) {
      const specifier = named ?? dynamic;
      if (specifier.startsWith('.')) {
        files.add(
          join(dirname(file), file.endsWith('.d.ts') ? specifier.replace(/\.js$/, '.d.ts') : specifier),
        );
      } else if (!specifier.startsWith('node:')) {
        packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
      }
    }
  }
  return { files, packages };
}

const COMMENT = /^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm;

/** What only types of unreached modules, or their code, needed. */
function removeOthers(dist: string, code: ReadonlySet<string>, types: ReadonlySet<string>): void {
  for (const file of filesIn(dist, '.js')) {
    if (code.has(file)) continue;
    rmSync(file);
    rmSync(`${file}.map`);
  }
  for (const file of filesIn(dist, '.d.ts')) if (!types.has(file)) rmSync(file);
}

const filesIn = (folder: string, end: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));

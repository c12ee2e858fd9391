/**
 * decpool as plain JavaScript in one folder: it starts in a tenth of the time that its sources take. Chunks are
 * loaded when a command first needs them. The folder has the command (`main.js`), its worker threads, an entry for each entry of our
 * packages, which users' own files import, and the files that are read at run time.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Metafile, type Plugin } from 'esbuild';
import { helpPage } from '../cli/program.ts';
import { RESOURCES } from '../files/resource.ts';
import { VERSION } from '../files/version.ts';
import { buildClientScript } from '../report/page/build-client.ts';
import { codeHash } from '../sweep/identity.ts';
import { directImports } from './direct-imports.ts';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Packages that have files of their own beside their code, or that users may lack. */
export const NOT_BUNDLED = [
  '@duckdb/node-api',
  '@nats-io/jetstream',
  '@nats-io/obj',
  '@nats-io/transport-node',
  'piscina',
  'tsx/esm/api',
];

export interface BundleOptions {
  /** Where the bundle is made; it may be missing. */
  readonly folder: string;
  /** Where its code will look for `docs` and `examples`: a path from the folder, or a URL. */
  readonly root: string;
  /** Where it will look for the types of an entry of a package: NAME and ENTRY stand for the two. */
  readonly types: string;
  /** Whether the packages that are not bundled are loaded from where this checkout has them. */
  readonly isOfCheckout: boolean;
}

export interface Bundle {
  /** Paths of all files that it was made from. */
  readonly inputs: readonly string[];
  /** esbuild's account of the command, and of the page's script. */
  readonly metafiles: readonly Pick<Metafile, 'inputs'>[];
}

export async function bundle({ folder, root, types, isOfCheckout }: BundleOptions): Promise<Bundle> {
  mkdirSync(folder, { recursive: true });
  const packages = packageEntries();
  const [{ metafile }, client] = await Promise.all([
    build({
      absWorkingDir: ROOT,
      entryPoints: entryPoints(packages),
      bundle: true,
      splitting: true,
      metafile: true,
      outdir: folder,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      // For packages that are not ES modules.
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
      },
      define: {
        DECPOOL_IS_BUNDLED: 'true',
        DECPOOL_ROOT: JSON.stringify(root),
        DECPOOL_TYPES: JSON.stringify(types),
        DECPOOL_VERSION: JSON.stringify(VERSION),
        DECPOOL_CODE_HASH: JSON.stringify(codeHash()),
      },
      plugins: [directImports(packages), ...(isOfCheckout ? [inPlace] : [])],
      external: isOfCheckout ? [] : NOT_BUNDLED,
      legalComments: 'none',
      logLevel: 'error',
    }),
    buildClientScript(),
  ]);
  writeFileSync(join(folder, 'page-client.js'), client.script);
  writeFileSync(join(folder, 'help.json'), JSON.stringify(helpPage()));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  const copied = copyResources(folder);
  const metafiles = [metafile, { inputs: inRoot(client.inputs) }];
  const bundled = metafiles.flatMap(({ inputs }) => Object.keys(inputs).map((path) => join(ROOT, path)));
  return { inputs: [...new Set([...bundled, ...copied, ...makers()])], metafiles };
}

/** The files that say how a bundle is made. */
function makers(): string[] {
  const bench = join(ROOT, 'packages/bench');
  const sources = readdirSync(join(bench, 'src/bundle')).map((name) => join(bench, 'src/bundle', name));
  return [
    ...sources,
    join(bench, 'src/report/page/build-client.ts'),
    ...PACKAGES.map((name) => join(ROOT, 'packages', name, 'package.json')),
  ];
}

const PACKAGES = ['model', 'pool', 'bench'];

/** Source of each entry of our packages, by the specifier that imports it. */
function packageEntries(): Map<string, string> {
  const entries = new Map<string, string>();
  for (const name of PACKAGES) {
    const folder = join(ROOT, 'packages', name);
    const { exports }: { readonly exports: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    for (const [key, path] of Object.entries(exports)) {
      if (path.endsWith('.ts')) entries.set(`@decpool/${name}${key.slice(1)}`, join(folder, path));
    }
  }
  return entries;
}

/** Name of each entry of the bundle and the source that it begins with. */
function entryPoints(packages: ReadonlyMap<string, string>): Record<string, string> {
  const source = (path: string) => join(ROOT, 'packages/bench/src', path);
  return {
    main: source('cli/main.ts'),
    'compare-worker': source('compare/worker.ts'),
    'log-worker': source('log/worker.ts'),
    'sweep-worker': source('sweep/cell-thread.ts'),
    ...Object.fromEntries(
      [...packages].map(([specifier, file]) => [
        specifier.replace('@decpool/', '').replaceAll('/', '-'),
        file,
      ]),
    ),
  };
}

/** The path of each file that was copied. The workers are entries of the bundle. */
function copyResources(folder: string): string[] {
  return Object.entries(RESOURCES).flatMap(([name, path]) => {
    if (name.endsWith('-worker.js')) return [];
    const file = fileURLToPath(new URL(path, new URL('../files/', import.meta.url)));
    copyFileSync(file, join(folder, name));
    return [file];
  });
}

/** Paths from the root, whatever the working folder is. */
function inRoot(inputs: Metafile['inputs']): Metafile['inputs'] {
  return Object.fromEntries(
    Object.entries(inputs).map(([path, input]) => [relative(ROOT, join(process.cwd(), path)), input]),
  );
}

const inPlace: Plugin = {
  name: 'in-place',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (!NOT_BUNDLED.includes(path) || pluginData === inPlace) return undefined;
      const found = await build.resolve(path, { kind, resolveDir, pluginData: inPlace });
      // Optional packages may be missing.
      return found.path === ''
        ? { path, external: true }
        : { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** What is mutated together, and which specs should find it. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Module {
  readonly name: string;
  /** Files or folders, from the top folder of the project. */
  readonly paths: readonly string[];
  /** Specs elsewhere that state its rules. Those in its folders and those that import one of its files are run in any case. */
  readonly specs?: readonly string[];
}

const BENCH = 'packages/bench/src';
const MODEL = 'packages/model/src';
const POOL = 'packages/pool/src';

export const MODULES: readonly Module[] = [
  { name: 'state', paths: [`${MODEL}/state`] },
  { name: 'direct map', paths: [`${MODEL}/direct-map.ts`, `${MODEL}/page-state-entries.ts`] },
  { name: 'events', paths: [`${MODEL}/events`] },
  { name: 'codecs', paths: [`${MODEL}/log`] },
  { name: 'projections', paths: [`${MODEL}/projections`] },
  { name: 'platforms', paths: [`${MODEL}/platforms`, `${MODEL}/platform.ts`, `${MODEL}/geometry.ts`] },
  {
    name: 'pool policy',
    paths: [
      'decpool',
      'pool-policy',
      'pool-memory',
      'empty-blocks',
      'reserve',
      'place-finder',
      'unit-map',
    ].map((name) => `${POOL}/${name}.ts`),
    specs: [`${POOL}/pool.spec.ts`, `${POOL}/model-based.spec.ts`, `${POOL}/supply/supply.spec.ts`],
  },
  { name: 'placement', paths: [`${POOL}/placement`] },
  { name: 'conversion', paths: [`${POOL}/conversion`] },
  { name: 'supply', paths: [`${POOL}/supply`] },
  { name: 'slabs', paths: [`${POOL}/slab`] },
  { name: 'page source', paths: [`${POOL}/page-source`] },
  { name: 'page allocator', paths: [`${POOL}/page-allocator`] },
  { name: 'logs', paths: [`${BENCH}/log`], specs: [`${BENCH}/rerun/verify.spec.ts`] },
  { name: 'metrics', paths: [`${BENCH}/metrics`] },
  { name: 'bounds', paths: [`${BENCH}/bounds`] },
  { name: 'sweeps', paths: [`${BENCH}/sweep`] },
  { name: 'traces', paths: [`${BENCH}/traces`] },
];

/** All files with code that runs, in a folder or alone. What serves specs alone is none. */
export function sourcesIn(paths: readonly string[]): string[] {
  return paths
    .flatMap(filesIn)
    .filter((path) => /(?<!\.spec|\.d)\.ts$/.test(path) && !/\/testing\b/.test(path));
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile())
    .sort();
}

const IMPORTS = /from '(\.[^']+)'|import\('(\.[^']+)'\)/g;

/** The specs of some sources: those beside them, those that import one of them, and `more`. Those beside them come first. */
export function specsOf(sources: readonly string[], more: readonly string[] = []): string[] {
  const wanted = new Set(sources);
  const folders = new Set(sources.map((path) => dirname(path)));
  const specs = ['packages', 'examples'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith('.spec.ts') && !path.includes('node_modules'))
      .sort(),
  );
  const beside = specs.filter((spec) => folders.has(dirname(spec)));
  const importing = specs.filter((spec) =>
    [...readFileSync(spec, 'utf8').matchAll(IMPORTS)].some(([, path, other]) =>
      wanted.has(join(dirname(spec), path ?? other)),
    ),
  );
  return [...new Set([...beside, ...importing, ...more])];
}

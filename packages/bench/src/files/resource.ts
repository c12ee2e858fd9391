/**
 * Files that the program reads while it runs. From the sources they lie beside the code that uses them; a bundle has them
 * in one folder with its code (bundle/bundle.ts). Names starting with DECPOOL_ are replaced when a bundle is made.
 */
import { fileURLToPath } from 'node:url';

declare const DECPOOL_IS_BUNDLED: boolean | undefined;
/** Folder that has docs/ and examples/, relative to the code of the bundle, or as a URL. */
declare const DECPOOL_ROOT: string;
/** The types of an entry of a package, with NAME and ENTRY for the two: relative to the code of the bundle, or a URL. */
declare const DECPOOL_TYPES: string;

export const IS_BUNDLED: boolean = typeof DECPOOL_IS_BUNDLED !== 'undefined';

/** Where each file lies in the sources, from this folder. */
export const RESOURCES = {
  'page.css': '../report/page/page.css',
  'block-map.css': '../report/page/client/block-map.css',
  'starter.txt': '../policies/starter.txt',
  'resolve-hooks.mjs': './resolve-hooks.mjs',
  'record.sh': '../../../../tools/record/record.sh',
  // Plain JavaScript, because a thread begins without a loader for TypeScript.
  'compare-worker.js': '../../bin/compare-worker.js',
  'log-worker.js': '../../bin/log-worker.js',
  'sweep-worker.js': '../../bin/sweep-worker.js',
} as const;

/** Made with a bundle. */
type Made = 'page-client.js' | 'help.json';

export type ResourceName = keyof typeof RESOURCES | Made;

/** URL of a file; what is made with a bundle is in bundles only. */
export const resourceUrl = (name: ResourceName): URL =>
  new URL(
    !IS_BUNDLED && name in RESOURCES ? RESOURCES[name as keyof typeof RESOURCES] : name,
    import.meta.url,
  );

/** Path of a folder of bundled traces, memory states or recordings, such as `exact/k73`. */
export const tracesPath = (path: string): string => shippedPath(`examples/traces/${path}`);

/** Path of something in `docs` or `examples`: of the checkout, or of the package `decpool`. */
export function shippedPath(path: string): string {
  const root = IS_BUNDLED ? DECPOOL_ROOT : '../../../../';
  return fileURLToPath(new URL(path, new URL(root, import.meta.url)));
}

/** Path of the types of an entry of a package. Those of packages of others are in published bundles only. */
export function typesPath(name: 'model' | 'pool' | 'bench' | 'rxjs' | 'zod', entry = 'index'): string {
  const types = IS_BUNDLED ? DECPOOL_TYPES : '../../../NAME/src/ENTRY.ts';
  return fileURLToPath(new URL(types.replace('NAME', name).replace('ENTRY', entry), import.meta.url));
}

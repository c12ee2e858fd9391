/** Packages that users install themselves, for what few of them need. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Loads a package from where decpool is, or from the working folder. Rejects as `load` does if it is in neither. */
export async function optionalPackage<Loaded>(name: string, load: () => Promise<Loaded>): Promise<Loaded> {
  try {
    return await load();
  } catch (error) {
    const path = inWorkingFolder(name);
    if (path === undefined) throw error;
    return import(pathToFileURL(path).href);
  }
}

function inWorkingFolder(name: string): string | undefined {
  try {
    return createRequire(resolve('package.json')).resolve(name);
  } catch {
    return undefined;
  }
}

/** The first lines of a policy of one's own, and what an editor needs to know its types. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { InputError } from '@decpool/model';
import { messageOf } from '../files/error-text.ts';
import { makeFolder } from '../files/folder.ts';
import { resourceUrl, typesPath } from '../files/resource.ts';

export interface Started {
  /** Paths of the files that were written, as they were given. */
  readonly written: readonly string[];
  /** A tsconfig.json that was there. */
  readonly kept?: string;
  /** Where an editor finds the types if `@decpool/pool` is not installed in the folder. */
  readonly types?: string;
}

/** Writes a policy and a tsconfig.json beside it. Throws InputError if the file exists or cannot be written. */
export async function startPolicy(path: string): Promise<Started> {
  if (!/\.m?ts$/.test(path))
    throw new InputError(`${path}: expected a name that ends in .ts, as in my-policy.ts`);
  const file = resolve(path);
  const config = join(dirname(path), 'tsconfig.json');
  const isConfigThere = existsSync(config);
  const types = isInstalledFor(file) ? undefined : typesPath('pool');
  try {
    await makeFolder(dirname(file));
    writeFileSync(file, policyText(nameFor(file)), { flag: 'wx' });
    if (!isConfigThere) writeFileSync(config, configText(file, types !== undefined));
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new InputError(
      `${path}: ${isThere ? 'exists; name a new file' : `cannot be written: ${messageOf(error)}`}`,
    );
  }
  return {
    written: isConfigThere ? [path] : [path, config],
    ...(isConfigThere ? { kept: config } : {}),
    ...(types === undefined ? {} : { types }),
  };
}

/** Of the placement: the file's name, in what a policy's name may have. */
const nameFor = (file: string): string =>
  basename(file)
    .replace(/\.m?ts$/, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '') || 'mine';

const policyText = (name: string): string =>
  readFileSync(resourceUrl('starter.txt'), 'utf8').replace('NAME', name);

function configText(file: string, needsPaths: boolean): string {
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: [],
    ...(needsPaths ? { paths: pathsFrom(dirname(file)) } : {}),
  };
  return `${JSON.stringify({ compilerOptions, include: ['*.ts', '*.mts'] }, null, 2)}\n`;
}

/** Paths stay relative if the types lie below the folder, as in its node_modules. */
function pathsFrom(folder: string): Record<string, string[]> {
  const pathOf = (types: string) => {
    const path = relative(folder, types).split(sep).join('/');
    return [path.startsWith('..') ? types : `./${path}`];
  };
  const paths = {
    '@decpool/model': typesPath('model'),
    '@decpool/model/internal': typesPath('model', 'internal'),
    '@decpool/model/arrow': typesPath('model', 'log/arrow'),
    '@decpool/pool': typesPath('pool'),
    '@decpool/pool/internal': typesPath('pool', 'internal'),
    '@decpool/pool/policy-names': typesPath('pool', 'policy-names'),
    '@decpool/pool/given-when-then': typesPath('pool', 'given-when-then'),
    '@decpool/pool/placement/free-map': typesPath('pool', 'placement/free-map'),
    '@decpool/bench': typesPath('bench'),
    // What these types import. In a checkout it is installed beside them.
    rxjs: typesPath('rxjs'),
    zod: typesPath('zod'),
  };
  const there = Object.entries(paths).filter(([, path]) => existsSync(path));
  return Object.fromEntries(there.map(([name, path]) => [name, pathOf(path)]));
}

/** As an editor looks for it: in the folder's node_modules and in those above. */
function isInstalledFor(file: string): boolean {
  const folder = dirname(file);
  if (existsSync(join(folder, 'node_modules/@decpool/pool/package.json'))) return true;
  return folder !== dirname(folder) && isInstalledFor(folder);
}

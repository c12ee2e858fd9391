/** The licences of the packages that a bundle has code of. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Licence and notice, in full. */
  readonly texts: readonly string[];
}

/** One text for all. `files`: what the bundle was made from. Throws if a package states no licence. */
export function licencesOf(files: readonly string[]): string {
  const parts = packagesOf(files).map(
    ({ name, version, license, texts }) => `${name} ${version}: ${license}\n\n${texts.join('\n\n')}\n`,
  );
  return [
    'decpool contains code of the packages below, under their licences.\n',
    ...parts.map((part) => `${'-'.repeat(80)}\n${part}`),
  ].join('\n');
}

/** The packages that files are of, by name. Throws if one states no licence. */
export function packagesOf(files: readonly string[]): Package[] {
  const folders = new Set(files.map(packageFolder).filter((folder) => folder !== undefined));
  return [...folders].map(readPackage).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The folder of the package that a file is of; undefined for our own. */
function packageFolder(file: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(file)?.[0];
}

function readPackage(folder: string): Package {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string') throw new Error(`${name}: package.json states no licence`);
  return { name, version, license, texts: licenceTexts(folder) };
}

/** Of the files in a folder that are named so, and of all files in folders that are. */
const licenceTexts = (folder: string, isAll = false): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => isAll || /^(licen[cs]e|notice|copying)/i.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? licenceTexts(path, true) : [readFileSync(path, 'utf8').trim()];
    });

/** Of a package, as `npm view` would say it: for the list of what we depend on. */
export function licenceOf(name: string, from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'node_modules', name))) {
    if (folder === dirname(folder)) throw new Error(`${name} is not installed`);
    folder = dirname(folder);
  }
  return readPackage(join(folder, 'node_modules', name)).license;
}

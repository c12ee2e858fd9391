/** A release, up to publishing: new versions and changelogs, packages that were checked, a commit and a tag. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { manifestOf } from './compile.ts';

const PNPM = 'pnpm@10.34.9';
/** The last version that runs on Node 20. */
const CHANGESETS = '@changesets/cli@2';
const PACKAGES = ['model', 'pool', 'bench', 'decpool'];

const run = (command: string, ...args: readonly string[]): void => {
  console.log(`$ ${command} ${args.join(' ')}`);
  execFileSync(command, args, { cwd: ROOT, stdio: 'inherit' });
};
const pnpm = (...args: readonly string[]): void => run('npx', '-y', PNPM, ...args);

const changed = execFileSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' });
if (changed !== '') throw new Error(`commit first:\n${changed}`);
const versionNow = (): string => manifestOf(join(ROOT, 'packages/decpool')).version;
const before = versionNow();

for (const check of ['audit', 'lint', 'typecheck', 'check-api', 'test']) pnpm('run', check);

run('npx', '-y', CHANGESETS, 'version');
const version = versionNow();
if (version === before) throw new Error('nothing to release: .changeset names no change');
pnpm('install', '--lockfile-only');
console.log(`Should a step fail from here on: git restore . && git clean -df packages`);
// Versions are in the packages.
for (const check of ['lint', 'build', 'check-packages', 'check-node']) pnpm('run', check);

const release = join(ROOT, 'release');
rmSync(release, { recursive: true, force: true });
mkdirSync(release);
for (const name of PACKAGES) pnpm('--dir', join('packages', name), 'pack', '--pack-destination', release);

run('git', 'add', '-A');
run('git', 'commit', '-m', `Release ${version}`);
run('git', 'tag', '-a', `v${version}`, '-m', `Release ${version}`);
console.log(
  `\nNothing was published. To publish the tarballs: for tarball in release/*.tgz; do npm publish "$tarball"; done`,
);

/**
 * Proves that what is published works: packs the packages, serves them on loopback, and installs and uses them in empty
 * folders as their users do, by npm and by pnpm. `pnpm build` first.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { checkEditor } from './check-editor.ts';
import { checkHelp } from './check-help.ts';
import { manifestOf } from './compile.ts';
import { startRegistry } from './registry.ts';
import { checkStartUp } from './start-up.ts';

const PACKAGES = ['model', 'pool', 'bench', 'decpool'];
const PNPM = 'pnpm@10.34.9';
const PUBLINT = 'publint@0.3.25';
const ARE_THE_TYPES_WRONG = '@arethetypeswrong/cli@0.18.5';
const DUCKDB = '@duckdb/node-api@1.5.6-r.1';
const NATS = ['@nats-io/transport-node@3', '@nats-io/jetstream@3', '@nats-io/obj@3'];

/** MiB, of what `npm install decpool` brings. */
const MOST_INSTALLED = 50;

const folder = mkdtempSync(join(tmpdir(), 'decpool-packages-'));
const inFolder = (...names: string[]): string => {
  const path = join(folder, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};

type Run = (command: string, ...args: readonly string[]) => string;

/** Runs programs in a folder, with these settings of npm and pnpm. What they print is shown if they fail. */
const runIn =
  (cwd: string, settings: Readonly<Record<string, string>> = {}): Run =>
  (command, ...args) => {
    console.log(`  ${command} ${args.join(' ')}`);
    try {
      // What starts this program may have set NODE_PATH to this checkout's packages.
      const env = { ...process.env, ...settings, CI: '1', NO_COLOR: '1', NODE_PATH: '' };
      return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(' ')}, in ${cwd}:\n${stdout}${stderr}`);
    }
  };

function step(title: string): void {
  console.log(`${((performance.now() / 1000) | 0).toString().padStart(4)} s  ${title}`);
}

function expectText(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`expected ${pattern} in:\n${text}`);
}

function packed(): string[] {
  const to = inFolder('tarballs');
  for (const name of PACKAGES) {
    runIn(join(ROOT, 'packages', name))('npx', '-y', PNPM, 'pack', '--pack-destination', to);
  }
  return readdirSync(to).map((name) => join(to, name));
}

/** Only what users need is in a tarball, and it says what it is. */
function checkTarball(tarball: string): void {
  const names = runIn(folder)('tar', '-tzf', tarball).split('\n');
  for (const name of ['package/LICENSE', 'package/README.md', 'package/package.json']) {
    if (!names.includes(name)) throw new Error(`${tarball} lacks ${name}`);
  }
  const unwanted = names.filter((name) =>
    /\.spec\.|\/testing(?!\.md)(?<!types\/rxjs\/.*)|(?<!\.d)(?<!examples\/[\w.-]+)\.ts$|workspace/.test(name),
  );
  if (unwanted.length > 0) throw new Error(`${tarball} has ${unwanted.join(', ')}`);
  const manifest = runIn(folder)('tar', '-xzOf', tarball, 'package/package.json');
  if (manifest.includes('workspace:')) throw new Error(`${tarball}: package.json has workspace:`);
  runIn(folder)('npx', '-y', PUBLINT, tarball, '--strict');
  // The command has nothing to import.
  if (Object.keys(JSON.parse(manifest).exports ?? {}).length > 1) {
    runIn(folder)('npx', '-y', ARE_THE_TYPES_WRONG, tarball, '--profile', 'esm-only');
  }
}

const SWEEP = {
  name: 'small',
  policies: ['linux-7.3', './my-policy.ts'],
  inputs: [{ workload: 'churn', memory: ['1G'] }],
  seeds: [1, 2],
};

/** `decpool`: how this package manager runs the command. */
function useTheCommand(
  at: string,
  decpool: (...args: readonly string[]) => string,
  options: readonly string[],
): void {
  expectText(
    decpool('--version'),
    new RegExp(`^${manifestOf(join(ROOT, 'packages/decpool')).version}$`, 'm'),
  );
  expectText(decpool('compare', ...options), /Best: /);
  const log = 'decpool-results/netvsc/logs/linux-7.3.arrow';
  expectText(decpool('verify', log, '--no-rerun'), /hash chain +ok/);
  expectText(decpool('report', 'decpool-results'), /report\.html/);
  expectText(
    decpool(
      'compare',
      '--memory-state',
      'k73/aged-cpus-1',
      '--workload',
      'netvsc',
      '--seeds',
      '1',
      '--no-bounds',
    ),
    /exact/,
  );
  expectText(decpool('init-policy', 'my-policy.ts'), /written .*my-policy\.ts/);
  checkEditor(at);
  const own = ['--policy', 'linux-7.3,./my-policy.ts', '--seeds', '2', '--workers', '2'];
  expectText(decpool('compare', '--workload', 'churn', ...own), /my-policy/);
  expectText(decpool('check-policy', './my-policy.ts', '--runs', '10'), /pass {2}deterministic/);
  writeFileSync(join(at, 'sweep.json'), JSON.stringify(SWEEP));
  expectText(decpool('sweep', 'sweep.json', '--out', 'swept'), /./);
  if (statSync(join(at, 'swept/results.csv')).size === 0) throw new Error('a sweep without results');
}

const query = [
  'query',
  'decpool-results/netvsc/logs/linux-7.3.arrow',
  'SELECT count(*) AS n FROM events',
  '--csv',
];

function byNpm(registry: string): void {
  const at = inFolder('npm');
  const run = runIn(at, { npm_config_registry: registry, npm_config_cache: join(folder, 'npm-cache') });
  step('npx decpool compare in an empty folder');
  expectText(run('npx', '-y', 'decpool', 'compare'), /Best: /);
  step('npm install decpool');
  run('npm', 'install', '--no-audit', '--no-fund', 'decpool');
  const installed = Number(run('du', '-sk', 'node_modules').split('\t')[0]) / 1024;
  console.log(`  ${installed.toFixed(1)} MiB installed`);
  if (installed > MOST_INSTALLED) throw new Error(`more than ${MOST_INSTALLED} MiB are installed`);
  const main = join(at, 'node_modules/decpool/dist/main.js');
  checkHelp(main, at);
  checkStartUp(main, join(at, 'decpool-results/netvsc/logs/decpool.arrow'));
  const decpool = (...args: readonly string[]) => run('npx', 'decpool', ...args);
  useTheCommand(at, decpool, ['--seeds', '1', '--policy', 'linux-7.3,decpool']);
  const refusalOf = (...args: readonly string[]): string => {
    try {
      return decpool(...args);
    } catch (error) {
      return String(error);
    }
  };
  expectText(refusalOf(...query), /DuckDB is not installed.*npm install @duckdb\/node-api/);
  const worker = ['worker', '--on', 'nats://127.0.0.1:9'];
  expectText(refusalOf(...worker), /client of NATS is not installed.*npm install @nats-io\/transport-node/);
  step('npm install @duckdb/node-api @nats-io/...');
  run('npm', 'install', '--no-audit', '--no-fund', DUCKDB, ...NATS);
  expectText(refusalOf(...worker), /no NATS server answers/);
  expectText(decpool(...query), /^n\n\d+\n$/);
}

function byPnpm(registry: string): void {
  const at = inFolder('pnpm');
  const run = runIn(at, {
    npm_config_registry: registry,
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_store_dir: join(folder, 'pnpm-store'),
  });
  step('pnpm dlx decpool compare in an empty folder, pnpm add decpool');
  expectText(run('npx', '-y', PNPM, 'dlx', 'decpool', 'compare', '--seeds', '1'), /Best: /);
  writeFileSync(join(at, 'package.json'), '{"private":true}');
  run('npx', '-y', PNPM, 'add', 'decpool', DUCKDB);
  const decpool = (...args: readonly string[]) => run('npx', '-y', PNPM, 'exec', 'decpool', ...args);
  useTheCommand(at, decpool, ['--seeds', '1', '--policy', 'linux-7.3,decpool']);
  expectText(decpool(...query), /^n\n\d+\n$/);
}

/** The libraries, in a program whose TypeScript is as strict as it can be. */
function consumer(registry: string): void {
  step('a consumer of the libraries: types and a run');
  const at = inFolder('consumer');
  cpSync(join(ROOT, 'examples/consumer'), at, { recursive: true });
  const run = runIn(at, { npm_config_registry: registry, npm_config_cache: join(folder, 'npm-cache') });
  run('npm', 'install', '--no-audit', '--no-fund');
  run('npm', 'run', 'check');
  expectText(run('npm', '--silent', 'start'), /same state as the run: true/);
}

try {
  step('pack');
  const tarballs = packed();
  for (const tarball of tarballs) checkTarball(tarball);
  step('a registry on loopback');
  const { url, stop } = await startRegistry(inFolder('registry'), tarballs);
  try {
    consumer(url);
    byNpm(url);
    byPnpm(url);
  } finally {
    stop();
  }
  step('done');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

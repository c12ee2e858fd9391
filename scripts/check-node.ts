/**
 * Other versions of Node than the one that runs everything else: the packages as they are published, with a
 * deprecation as an error, and the specs of the model, the pool and the command. `pnpm build` first.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../packages/bench/src/bundle/bundle.ts';

/** The oldest that package.json names, to the last digit. `latest` may be a version without long-term support. */
const VERSIONS = ['20.19.0', '22', '24', 'latest'];
const WITH_SPECS = ['22', '24'];

const SPECS = [
  'packages/model',
  'packages/pool',
  ...['cli', 'loaded', 'rerun'].map((name) => `packages/bench/src/cli/${name}.spec.ts`),
  'packages/bench/src/policies/load.spec.ts',
];

const folder = mkdtempSync(join(tmpdir(), 'decpool-node-'));
const run = (command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): void => {
  execFileSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
};

/** Uses whatever loads code in a way of its own: threads, a user's TypeScript, settings. */
function useTheCommand(node: string, at: string): void {
  const main = join(ROOT, 'packages/decpool/dist/main.js');
  const decpool = (...args: readonly string[]) => run(node, ['--throw-deprecation', main, ...args], at);
  decpool('init-policy', 'my-policy.ts');
  decpool(
    'compare',
    '--workload',
    'churn',
    '--policy',
    'linux-7.3,./my-policy.ts',
    '--seeds',
    '2',
    '--workers',
    '2',
  );
  decpool('verify', 'decpool-results/churn/logs/linux-7.3.arrow');
  decpool('report', 'decpool-results');
}

try {
  for (const version of VERSIONS) {
    const at = join(folder, version);
    mkdirSync(at);
    run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `node@${version}`], at);
    const bin = join(at, 'node_modules/node/bin');
    const node = join(bin, 'node');
    console.log(`node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`);
    useTheCommand(node, at);
    if (!WITH_SPECS.includes(version)) continue;
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    execFileSync(node, [vitest, 'run', '--silent', '--reporter=dot', ...SPECS], {
      cwd: ROOT,
      // Random histories run on the version that everything else runs on.
      env: { ...process.env, NO_COLOR: '1', DECPOOL_SHORT_TESTS: '1', PATH: `${bin}:${process.env['PATH']}` },
      stdio: 'inherit',
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Known vulnerabilities of every package in the lockfiles: none of severity high or critical. Says so and passes if the registry
 * has no audit endpoint, as some mirrors have none.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../packages/bench/src/bundle/bundle.ts';

const PNPM = 'pnpm@10.34.9';

/** pnpm's codes for an endpoint that is missing or refuses. */
const NO_ANSWER = /ERR_PNPM_AUDIT_(?:BAD_RESPONSE|ENDPOINT_NOT_EXISTS)/;

for (const folder of ['.', 'docs']) {
  const { status, stdout, stderr } = spawnSync('npx', ['-y', PNPM, 'audit', '--audit-level', 'high'], {
    cwd: join(ROOT, folder),
    encoding: 'utf8',
  });
  if (NO_ANSWER.test(stdout + stderr)) {
    console.log(`audit of ${folder}/pnpm-lock.yaml: SKIPPED, the registry does not answer audits`);
    continue;
  }
  console.log(`audit of ${folder}/pnpm-lock.yaml:\n${stdout}${stderr}`);
  if (status !== 0) process.exitCode = 1;
}

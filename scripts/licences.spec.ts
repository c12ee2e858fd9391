import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundle, NOT_BUNDLED, ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { manifestOf } from './compile.ts';
import { licenceOf, licencesOf, packagesOf } from './licences.ts';

const PAGE = join(ROOT, 'docs/reference/dependencies.md');

async function bundledFiles(): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-licences-'));
  try {
    return (await bundle({ folder, root: '', types: '', isOfCheckout: false })).inputs;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ours = (name: string) => join(ROOT, 'packages', name);
const installedWith = (name: string): string[] =>
  Object.keys(manifestOf(ours(name)).dependencies ?? {}).filter((other) => !other.startsWith('@decpool/'));

it('the page of dependencies lists every package that is installed or bundled, with its licence', async () => {
  const files = await bundledFiles();
  const bundled = packagesOf(files).map(({ name, license }) => `| ${name} | ${license} | in \`decpool\` |`);
  const installed = ['model', 'pool', 'bench', 'decpool'].flatMap((name) =>
    installedWith(name).map(
      (other) => `| ${other} | ${licenceOf(other, ours(name))} | of \`${manifestOf(ours(name)).name}\` |`,
    ),
  );
  const text = [
    '# Packages of others',
    '',
    'None of them is under a copyleft licence. The texts of the licences of bundled packages are in the tarball of `decpool`',
    '(`THIRD-PARTY-NOTICES.txt`). Users install themselves what few of them need: `@duckdb/node-api` (MIT) for `decpool query`;',
    '`@nats-io/transport-node`, `@nats-io/jetstream` and `@nats-io/obj` (Apache-2.0) for sweeps on a NATS server.',
    '',
    '## Installed',
    '',
    '| package | licence | dependency |',
    '|---|---|---|',
    ...installed,
    '',
    '## Bundled',
    '',
    '| package | licence | |',
    '|---|---|---|',
    ...new Set(bundled),
    '',
  ].join('\n');
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(PAGE, text);
  expect(readFileSync(PAGE, 'utf8')).toBe(text);
  expect(text).not.toMatch(/\| (A?GPL|LGPL|MPL|EUPL|UNLICENSED)/);
});

it('the notices of the bundle have the text of each licence, and no package of ours', async () => {
  const text = licencesOf(await bundledFiles());
  expect(text).toContain('zrender');
  expect(text).toContain('Apache License');
  expect(text).not.toContain('@decpool/');
  for (const name of NOT_BUNDLED) expect(text).not.toMatch(new RegExp(`^${name} `, 'm'));
});

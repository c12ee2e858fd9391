/** Makes what is published: `dist` of each package, and in `packages/decpool` the command with its traces, types and licences. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { compile } from './compile.ts';
import { copyTypes } from './copy-types.ts';
import { licencesOf } from './licences.ts';
import { copyShipped } from './shipped.ts';

const packageFolder = (name: string): string => join(ROOT, 'packages', name);

compile(packageFolder('model'));
compile(packageFolder('pool'));
compile(packageFolder('bench'), ['files/resolve-hooks.mjs']);

const command = packageFolder('decpool');
for (const name of ['dist', 'docs', 'examples', 'tools', 'types'])
  rmSync(join(command, name), { recursive: true, force: true });
const { inputs } = await bundle({
  folder: join(command, 'dist'),
  root: '../',
  types: '../types/NAME/ENTRY.d.ts',
  isOfCheckout: false,
});
writeFileSync(join(command, 'THIRD-PARTY-NOTICES.txt'), licencesOf(inputs));
copyShipped(ROOT, command);
// For editors: a user's own policy has types where only the command is installed, and so has what these types import.
for (const name of ['model', 'pool', 'bench']) {
  cpSync(join(packageFolder(name), 'dist'), join(command, 'types', name), {
    recursive: true,
    filter: (path) => !/\.(m?js|map)$/.test(path),
  });
}
const ofBench = createRequire(join(packageFolder('bench'), 'package.json'));
for (const name of ['rxjs', 'zod'])
  copyTypes(dirname(ofBench.resolve(`${name}/package.json`)), join(command, 'types', name));

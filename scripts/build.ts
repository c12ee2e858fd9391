/** Makes what is published: `dist` of each package, and in `packages/decpool` the command with its traces, types and licences. */
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { compile } from './compile.ts';
import { copyTypes } from './copy-types.ts';
import { licencesOf } from './licences.ts';

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
// What compare reads without options, the memory states that have names, and what help and messages name.
for (const name of ['sweeps', 'traces']) {
  cpSync(join(ROOT, 'examples', name), join(command, 'examples', name), { recursive: true });
}
for (const name of readdirSync(join(ROOT, 'examples')).filter((name) => /(?<!\.spec)\.ts$/.test(name))) {
  cpSync(join(ROOT, 'examples', name), join(command, 'examples', name));
}
for (const name of readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })) {
  if (/^(?!node_modules|\.).*(\.md|\.schema\.json)$/.test(name))
    cpSync(join(ROOT, 'docs', name), join(command, 'docs', name));
}
// To carry to a guest, and to build there.
cpSync(join(ROOT, 'tools'), join(command, 'tools'), {
  recursive: true,
  filter: (path) => !path.endsWith('/tools/record/test'),
});
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

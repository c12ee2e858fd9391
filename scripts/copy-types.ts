/** Copies the declarations that the main entry of a package reaches, for editors of users who do not have the package. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** `to` gets them with `index.d.ts` as their entry. */
export function copyTypes(from: string, to: string): void {
  const { type = 'commonjs', exports } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  const entry = join(from, exports['.'].types);
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: [],
  });
  const files = program
    .getSourceFiles()
    .map(({ fileName }) => fileName)
    .filter((file) => file.startsWith(`${from}/`));
  for (const file of files) cpSync(file, join(to, relative(from, file)));
  // How its relative imports are resolved.
  writeFileSync(join(to, 'package.json'), JSON.stringify({ type }));
  const path = relative(from, entry);
  if (path === 'index.d.ts') return;
  writeFileSync(join(to, 'index.d.ts'), `export * from './${path.replace(/\.d\.([cm]?)ts$/, '.$1js')}';\n`);
}

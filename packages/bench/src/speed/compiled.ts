/** Programs of this folder, compiled as the command is: what users run is measured. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface Compiled {
  readonly path: string;
  /** What a process of it prints: one JSON line. Throws when it fails; its own message says why. */
  printed(...args: readonly string[]): unknown;
  remove(): void;
}

/** Compiles `NAME.ts` into a temporary folder, with the thread that reads logs beside it. */
export async function compile(name: string): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-speed-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  await build({
    entryPoints: { [name]: source(`./${name}.ts`), 'log-worker': source('../log/worker.ts') },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    define: { DECPOOL_IS_BUNDLED: 'true' },
    // For packages that are not ES modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'error',
  });
  const path = join(folder, `${name}.js`);
  return {
    path,
    printed: (...args) =>
      JSON.parse(
        execFileSync(process.execPath, [path, ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      ),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

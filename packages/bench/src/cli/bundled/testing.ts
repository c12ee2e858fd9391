/**
 * The command in plain JavaScript, for the specs that start it: under tsx, which loads and translates every module anew,
 * it takes a second or two to start, and there are some two hundred starts. It is built once, before all specs, from the
 * sources that bin/decpool.js runs. Files of policies need tsx; specs that name any start the command as its users do.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the command, to be started with node. */
    decpool: string;
  }
}

/** Packages that have files of their own beside their code, from where they are. */
const IN_PLACE = ['@duckdb/node-api', 'esbuild', 'piscina', 'tsx'];

const inPlace: Plugin = {
  name: 'in-place',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (!IN_PLACE.includes(path) || pluginData === inPlace) return undefined;
      const found = await build.resolve(path, { kind, resolveDir, pluginData: inPlace });
      return { path: pathToFileURL(found.path).href, external: true };
    });
    // Sources find the files beside them by where they are themselves.
    build.onLoad({ filter: /[\\/]packages[\\/]\w+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }));
  },
};

export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-bundled-'));
  await build({
    entryPoints: [fileURLToPath(new URL('../main.ts', import.meta.url))],
    bundle: true,
    splitting: true,
    outdir: folder,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [inPlace],
    logLevel: 'error',
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  project.provide('decpool', join(folder, 'main.js'));
  return () => rmSync(folder, { recursive: true });
}

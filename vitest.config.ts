import { readFileSync, statfsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const ENOUGH_BYTES = 4 * 2 ** 30;

/** A folder in memory with room for all that specs write: logs are flushed, and with a disk these specs take four times as long. */
function folderInMemory(): string | undefined {
  const path = '/dev/shm';
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.includes(` ${path} tmpfs rw,`));
    const { bavail, bsize } = statfsSync(path);
    // Programs are compiled there, too.
    const isUsable = mount !== undefined && !mount.includes('noexec');
    return isUsable && bavail * bsize >= ENOUGH_BYTES ? path : undefined;
  } catch {
    return undefined;
  }
}

const inMemory = folderInMemory();
if (process.env['TMPDIR'] === undefined && inMemory !== undefined) process.env['TMPDIR'] = inMemory;

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.spec.ts', 'examples/**/*.spec.ts', 'scripts/**/*.spec.ts'],
    // One more than two cores can serve: many specs wait for the processes that they start.
    maxWorkers: 3,
    // Modules are loaded once for all files of a worker: no spec leaves anything behind in them.
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    setupFiles: ['vitest.setup.ts'],
    globalSetup: ['packages/bench/src/bundle/testing.ts'],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.spec.ts', '**/speed/**'],
      thresholds: { lines: 85, branches: 75 },
    },
  },
});

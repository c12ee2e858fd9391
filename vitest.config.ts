import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.spec.ts', 'examples/**/*.spec.ts', 'scripts/*.spec.ts'],
    // One less than there are cores unless told: on two, nothing would run beside anything.
    maxWorkers: 2,
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

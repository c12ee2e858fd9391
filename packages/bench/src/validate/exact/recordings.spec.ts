/** Kernels beside the model: the bundled runs, and those of $DECPOOL_RECORDINGS. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RECORDINGS } from '../../files/testing.ts';
import { AblationTable } from './ablation.ts';
import { KNOWN_DIFFERENCES } from './known.ts';
import { readRun, validateRun } from './run.ts';

const BUNDLED = fileURLToPath(new URL('../../../../../examples/traces/exact/', import.meta.url));

/** KERNEL/RUN of a folder. */
const runsIn = (folder: string): string[] =>
  readdirSync(folder)
    .flatMap((kernel) =>
      kernel.startsWith('k') ? readdirSync(join(folder, kernel)).map((run) => join(kernel, run)) : [],
    )
    .filter((run) => existsSync(join(folder, run, 'freelists.gz')));

describe('the bundled runs', () => {
  const runs = runsIn(BUNDLED);

  it('have every state, and all three kernels', () => {
    const all = runs.join(' ');
    for (const word of ['fresh', 'half', 'frag', 'holes', 'aged', 'low', 'churn', 'convert'])
      expect(all).toContain(word);
    for (const kernel of ['k61/', 'k612/', 'k73/']) expect(all).toContain(kernel);
  });

  it.each(runs)('%s: every page is that of the kernel', (run) => {
    const { own, others, difference, passes } = validateRun(readRun(join(BUNDLED, run)));
    expect({ difference, passes }).toEqual({ difference: undefined, passes: true });
    expect([own.same, others.same]).toEqual([own.all, others.all]);
    expect(own.all).toBeGreaterThan(200);
  });

  // 20 s: each run once without each of the rules. docs/validation.md has the figures.
  it.runIf(randomRuns(4) === 4)('need every rule of the page allocator but one', () => {
    const table = new AblationTable();
    for (const run of runs) table.add(run, readRun(join(BUNDLED, run)));
    const idle = table.results().filter(({ runsLost }) => runsLost === 0);
    expect(idle.map(({ rule }) => rule)).toEqual(['pages on LRU lists count as movable']);
  });
});

const OWN = RECORDINGS.flatMap((folder) => runsIn(folder).map((run) => ({ folder, run })));

describe.skipIf(OWN.length === 0)('the runs in $DECPOOL_RECORDINGS', () => {
  it.each(OWN)('$run: every page is that of the kernel, but for known differences', ({ folder, run }) => {
    const { name, own, others, passes, splits } = validateRun(readRun(join(folder, run)));
    expect(passes).toBe(true);
    if (KNOWN_DIFFERENCES[name] === undefined) expect([own.same, others.same]).toEqual([own.all, others.all]);
    expect(splits?.missing ?? 0).toBe(0);
    expect(splits?.kernel).toEqual(splits?.counted);
  });
});

/** For specs: a small sweep in a folder of its own, and the command that runs it. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

export const POLICIES = [
  'linux-7.3',
  'gfp-decrypted',
  'first-fit+block+immediate',
  'best-fit+page+never-return',
];
export const SEEDS = 6;
export const FAULTS = { seed: 5, decrypt: 0.2, encrypt: 0.2, converted: 0.5, retries: 1 };
/** Small requests, and many cells of them: there are many moments to be killed at. */
export const DEFINITION = {
  name: 'small',
  policies: [...POLICIES, './broken.ts'],
  inputs: [{ trace: 'traces/orders.txt' }, { trace: 'traces/one.txt', memory: ['1G'], platforms: ['none'] }],
  memory: ['1G', '256M:aged'],
  platforms: ['default', 'snp', 'cca'],
  seeds: Array.from({ length: SEEDS }, (_, index) => 3 + 2 * index),
  settings: { faults: FAULTS },
};
/** One trace on two memory states and two platforms, one on one of each: by five policies and the seeds. */
export const CELLS = (2 * 2 + 1) * 5 * SEEDS;

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command. */
export const decpool = (...args: readonly string[]): Promise<Run> =>
  new Promise((resolve) => {
    execFile(process.execPath, [DECPOOL, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });

/** A scratch folder with the definition and its files; `sweep.json` is the definition. */
export class SweepFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'decpool-'));

  constructor() {
    mkdirSync(this.scratch('traces'));
    writeFileSync(this.scratch('traces/orders.txt'), 'a 1 0\na 2 4\nf 1 0\na 3 9\nf 2 4\na 4 2\nf 3 9\n');
    writeFileSync(this.scratch('traces/one.txt'), 'a 1 3\n');
    writeFileSync(
      this.scratch('broken.ts'),
      "export default () => ({ name: 'broken', allocate() { throw new Error('not today'); }, free() {} });\n",
    );
    this.define('sweep.json', DEFINITION);
  }

  scratch(...names: string[]): string {
    return join(this.folder, ...names);
  }

  define(name: string, definition: unknown): void {
    writeFileSync(this.scratch(name), JSON.stringify(definition));
  }

  argumentsFor(out: string, workers: number, definition = 'sweep.json'): string[] {
    return [
      ...[DECPOOL, 'sweep', this.scratch(definition), '--out', this.scratch(out)],
      ...['--workers', String(workers)],
    ];
  }

  /** Runs the whole sweep, or with more arguments a part of it. */
  sweep(out: string, workers: number, definition?: string, ...more: readonly string[]): Promise<Run> {
    const [, ...args] = this.argumentsFor(out, workers, definition);
    return decpool(...args, ...more);
  }

  cellsIn(out: string): string[] {
    const file = this.scratch(out, 'cells.ndjson');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  resultsOf(out: string): Buffer[] {
    return ['results.csv', 'results.json'].map((name) => readFileSync(this.scratch(out, name)));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

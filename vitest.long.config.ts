/**
 * The specs that have more to do than `pnpm test` has time for: random histories and slow comparisons in full, and recordings outside
 * the project.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import usual from './vitest.config.ts';

const hasMore = (path: string): boolean =>
  /\brandomRuns\(|\bRECORDINGS\b|\brecordingsWith\(/.test(readFileSync(path, 'utf8'));

process.env['DECPOOL_LONG_TESTS'] = '1';
const specs = ['packages', 'examples'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.spec.ts') && !path.includes('node_modules'))
    .map((path) => join(folder, path)),
);

export default { ...usual, test: { ...usual.test, include: specs.filter(hasMore) } };

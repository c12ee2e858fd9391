/** Converting onto a disk that is full: a small file system of its own, which only root can mount. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { writeShortLog } from '../convert/testing.ts';
import { decpool } from './testing.ts';

const DISK = 2 ** 16;
const root = mkdtempSync(join(tmpdir(), 'decpool-disk-'));
const full = join(root, 'full');
mkdirSync(full);
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', full]).status === 0;
afterAll(() => {
  // Lazily: somebody may be looking at it.
  if (isMounted) spawnSync('umount', ['-l', full]);
  rmSync(root, { recursive: true });
});

// Skipped where no file system may be mounted: a real disk would have to be filled.
describe.skipIf(!isMounted)('decpool convert on a disk that is full', () => {
  const trace = join(root, 'trace.txt');
  const log = join(root, 'log.arrow');
  beforeAll(async () => {
    const steps = Array.from({ length: 20_000 }, (_, id) => `a ${id} ${id % 7}\nf ${id} ${id % 7}\n`);
    writeFileSync(trace, steps.join(''));
    await writeShortLog(log, 'arrow');
  });
  afterEach(() => expect(readdirSync(full)).toEqual(['other']));

  const PAGE = 4096;
  /** `room`: bytes that are free on the disk. */
  it.each([
    ['a trace into requests', trace, 'requests.arrow', PAGE],
    ['a trace into packed requests', trace, 'requests.arrow.gz', PAGE],
    ['a log into NDJSON', log, 'log.ndjson', 0],
    ['a log into Arrow', log, 'log.arrow', PAGE],
    ['a log into a table', log, 'log.parquet', 0],
  ])('of %s says so, and leaves nothing behind', async (_, from, name, room) => {
    writeFileSync(join(full, 'other'), Buffer.alloc(DISK - room));
    const { code, stdout, stderr } = await decpool('convert', from, join(full, name));
    expect(stderr).toMatch(/^decpool: \S+: cannot be written: no space left\n$/);
    expect(stderr).toContain(join(full, name));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

/** Writing a log to a file system that does what the spec says. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { partsOf, shortRun } from './testing.ts';
import { openLogWriter, UnwrittenError } from './write.ts';

interface Disk {
  /** Bytes that a write takes at most. */
  takes: number;
  /** What fails from now on, and with what. */
  error: unknown;
  fails: 'nothing' | 'open' | 'write' | 'sync';
  /** Files and folders that were opened, synced and closed, in order. */
  readonly calls: string[];
}

const disk: Disk = { takes: Number.POSITIVE_INFINITY, error: undefined, fails: 'nothing', calls: [] };

/** As open(), but the file does what the disk says. */
async function faultyOpen(...args: Parameters<typeof realOpen>): Promise<FileHandle> {
  if (disk.fails === 'open') throw disk.error;
  const file = await realOpen(...args);
  const [path] = args;
  const faulty: Partial<FileHandle> = {
    read: file.read.bind(file),
    stat: file.stat.bind(file),
    write: (async (bytes: Uint8Array, at: number, length: number) => {
      if (disk.fails === 'write') throw disk.error;
      return file.write(bytes, at, Math.min(length, disk.takes));
    }) as FileHandle['write'],
    sync: async () => {
      if (disk.fails === 'sync') throw disk.error;
      disk.calls.push(`sync ${String(path)}`);
    },
    close: async () => {
      disk.calls.push(`close ${String(path)}`);
      await file.close();
    },
  };
  return faulty as FileHandle;
}

const realOpen = promises.open;
/** Modules stay loaded for other specs, so the function is changed in place, for as long as a test takes. */
function openBy(open: typeof realOpen): void {
  promises.open = open;
  syncBuiltinESMExports();
}
beforeEach(() => openBy(faultyOpen));
afterEach(() => openBy(realOpen));

const RUN = shortRun(10);
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  Object.assign(disk, { takes: Number.POSITIVE_INFINITY, error: undefined, fails: 'nothing' });
  disk.calls.length = 0;
});
const failing = (fails: Disk['fails'], error: unknown) => Object.assign(disk, { fails, error });
const systemError = (code: string, message: string) => Object.assign(new Error(message), { code });
const FULL = () => systemError('ENOSPC', 'ENOSPC: no space left on device, write');
const BROKEN = () => systemError('EIO', 'EIO: i/o error, write');

describe.each(Object.keys(LOG_FORMATS) as LogFormat[])('a log as %s', (format) => {
  const nameOf = (name: string) => join(folder, `${name}.${format}`);
  const begun = async (name: string) => {
    const path = nameOf(name);
    rmSync(`${path}.partial`, { force: true });
    const writer = await openLogWriter(path, format, RUN.header);
    return { path, writer };
  };

  it('is whole where each write takes but a part of what it is given', async () => {
    disk.takes = 500;
    const { path, writer } = await begun('parts');
    for (const batch of RUN.batches) await writer.write(batch);
    const seal = await writer.finish(RUN.stateHash);
    expect((await partsOf(path)).at(-1)).toEqual({ kind: 'seal', seal });
  });

  it('reaches the disk before it has its name, and its name does before it is finished', async () => {
    const { path, writer } = await begun('synced');
    await writer.finish();
    const file = `${path}.partial`;
    const parent = dirname(path);
    expect(disk.calls).toEqual([`sync ${file}`, `close ${file}`, `sync ${parent}`, `close ${parent}`]);
  });

  it('says why it cannot be written, and how to save what is there, once events are', async () => {
    const { path, writer } = await begun('full');
    failing('write', FULL());
    const none = writer.write(RUN.batches[0]);
    await expect(none).rejects.toThrow(
      new UnwrittenError(`${path}.partial: cannot be written: no space left`),
    );
    failing('nothing', undefined);
    await writer.abort();
    expect(existsSync(`${path}.partial`)).toBe(false);

    const { writer: other } = await begun('full');
    await other.write(RUN.batches[0]);
    const events = RUN.batches[0].length;
    failing('write', BROKEN());
    await expect(other.write(RUN.batches[1])).rejects.toThrow(
      new UnwrittenError(
        `${path}.partial: cannot be written: EIO: i/o error, write; to save its first ${events} events, run: decpool recover ${path}.partial`,
      ),
    );
    expect(other.flushed).toBe(events);
    failing('sync', FULL());
    await expect(other.finish()).rejects.toThrow(
      new RegExp(`cannot be written: no space left; to save its first ${events} events`),
    );
    await other.close();
    expect(existsSync(path)).toBe(false);
  });

  it('is not begun, and leaves nothing, where there is no room for its header or no file', async () => {
    const path = nameOf('none');
    const message = `${path}.partial: cannot be written: no space left`;
    for (const fails of ['write', 'open'] as const) {
      failing(fails, FULL());
      await expect(openLogWriter(path, format, RUN.header)).rejects.toThrow(new UnwrittenError(message));
      expect(existsSync(`${path}.partial`)).toBe(false);
    }
    expect(disk.calls).toEqual([`close ${path}.partial`]);
  });

  it('lets a defect through as it is: an error that is none of the system', async () => {
    const { writer } = await begun('defect');
    for (const error of [new TypeError('not a function'), { code: 'EIO' }]) {
      failing('write', error);
      await expect(writer.write(RUN.batches[0])).rejects.toBe(error);
    }
    failing('nothing', undefined);
    await writer.abort();
  });
});

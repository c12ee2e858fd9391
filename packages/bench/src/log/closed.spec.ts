import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { openLog } from './open.ts';
import { readLog } from './read.ts';
import { recoverLog } from './recover.ts';
import { newWriter, openBelow, partsOf, shortRun, writeLog } from './testing.ts';

let folder = '';
const run = shortRun(20, 4);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const isLinux = existsSync('/proc/self/fd');
const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

describe.runIf(isLinux).each(FORMATS)('no file stays open behind a log as %s', (format) => {
  let written = 0;
  const fresh = () => join(folder, `${++written}.${format}`);
  async function whole(isGzip = false): Promise<string> {
    const path = fresh();
    await writeLog(path, format, run, { keyframeEvents: 8 });
    if (isGzip) writeFileSync(path, gzipSync(readFileSync(path)));
    return path;
  }
  async function spoilt(): Promise<string> {
    const path = await whole();
    const bytes = readFileSync(path);
    bytes.fill(0x7e, bytes.length / 2, bytes.length / 2 + 60);
    writeFileSync(path, bytes);
    return path;
  }
  const stillOpen = () => openBelow(folder);

  it('that was finished, stopped, given up or refused by its writer', async () => {
    await whole();
    expect(stillOpen()).toEqual([]);
    for (const end of ['close', 'abort'] as const) {
      const writer = await newWriter(fresh(), format, run.header);
      await writer.write(run.batches[0]);
      expect(stillOpen()).toEqual([writer.partial]);
      await writer[end]();
      expect(stillOpen()).toEqual([]);
    }
  });

  it.each([false, true])('that was read, to its end or not; gzipped: %s', async (isGzip) => {
    const path = await whole(isGzip);
    await partsOf(path);
    for await (const _ of readLog(path)) break;
    const log = await openLog(path);
    expect(stillOpen()).toContain(path);
    await log.seek(30);
    for await (const _ of log.batches(5)) break;
    await log.close();
    await expect.poll(stillOpen).toEqual([]);
  });

  it('that is refused when it is opened or read', async () => {
    for (const bytes of [0, 1, 30]) {
      const path = await whole();
      truncateSync(path, bytes);
      await expect(openLog(path)).rejects.toThrow(path);
      await expect(partsOf(path)).rejects.toThrow(path);
      await expect(recoverLog(path, fresh())).rejects.toThrow(path);
    }
    await expect(openLog(folder)).rejects.toThrow('is a folder');
    const path = await spoilt();
    await expect(partsOf(path)).rejects.toThrow(path);
    await recoverLog(path, fresh());
    await expect(recoverLog(await whole(), fresh())).rejects.toThrow('nothing to recover');
    expect(stillOpen()).toEqual([]);
  });
});

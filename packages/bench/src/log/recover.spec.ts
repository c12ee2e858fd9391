import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { expectFree, newLog } from './new-file.ts';
import { openLog } from './open.ts';
import { headerOf, type LogPart, readLog } from './read.ts';
import { recoverLog } from './recover.ts';
import { newWriter, openBelow, partsOf, shortRun, writeLog } from './testing.ts';
import { openLogWriter, UnwrittenError } from './write.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = shortRun(30, 6);
const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];
const batchesIn = (parts: readonly LogPart[]) =>
  parts.flatMap((part) => (part.kind === 'batch' ? [...part.batch] : []));

describe.each(FORMATS)('a log as %s that was cut off', (format) => {
  const path = () => join(folder, `cut.${format}`);
  const out = () => join(folder, `saved.${format}`);
  async function written(): Promise<Buffer> {
    await writeLog(path(), format, run);
    return readFileSync(path());
  }

  it('is saved up to its last complete segment, with what is lost behind it', async () => {
    const whole = await written();
    for (const share of [0.5, 0.95]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      writeFileSync(path(), cut);
      const before = await partsOf(path());
      const torn = before.find((part) => part.kind === 'torn');
      const calls: [number, number][] = [];
      const recovered = await recoverLog(path(), out(), (done, all) => calls.push([done, all]));
      expect(recovered.torn).toEqual({ events: torn?.events ?? 0, bytes: torn?.bytes ?? 0 });
      expect(recovered.damage).toBeUndefined();
      const after = await partsOf(out());
      const events = batchesIn(before).length;
      expect(events).toBeGreaterThan(0);
      expect(batchesIn(after)).toEqual(batchesIn(before));
      expect(recovered.seal).toMatchObject({ events, isCutOff: true });
      expect(after.at(-1)).toEqual({ kind: 'seal', seal: recovered.seal });
      expect(calls.at(-1)).toEqual([cut.length, cut.length]);
      rmSync(out());
    }
  });

  it('is saved up to damage in it, which is told', async () => {
    const whole = await written();
    const damaged = Buffer.from(whole.subarray(0, -200));
    damaged.fill(0x7e, Math.floor(whole.length * 0.8), Math.floor(whole.length * 0.8) + 40);
    writeFileSync(path(), damaged);
    const { seal, damage } = await recoverLog(path(), out());
    expect(damage).toMatch(new RegExp(`^${path()}: `));
    const saved = batchesIn(await partsOf(out()));
    expect(saved).toEqual(run.batches.flatMap((batch) => [...batch]).slice(0, seal.events));
    expect(seal.events).toBeGreaterThan(0);
    rmSync(out());
  });

  it('is not saved, and nothing is left of it, if it has no whole header', async () => {
    const whole = await written();
    writeFileSync(path(), whole.subarray(0, 60));
    await expect(recoverLog(path(), out())).rejects.toThrow(`${path()}: ends inside its header`);
    expect(readdirSync(folder).filter((name) => name.startsWith('saved'))).toEqual([]);
  });

  it('leaves nothing behind if the one who is told how far it is fails: that is no damage of the log', async () => {
    writeFileSync(path(), (await written()).subarray(0, -200));
    const error = new TypeError('not a function');
    const fails = () => {
      throw error;
    };
    await expect(recoverLog(path(), out(), fails)).rejects.toBe(error);
    expect(readdirSync(folder).filter((name) => name.startsWith('saved'))).toEqual([]);
    expect(openBelow(folder)).toEqual([]);
  });

  it('is refused if it is complete, and so is one that only lacks its name', async () => {
    const whole = await written();
    writeFileSync(path(), whole);
    const message = 'the log is complete; there is nothing to recover';
    await expect(recoverLog(path(), out())).rejects.toThrow(new InputError(`${path()}: ${message}`));
    const partial = join(folder, `named.${format}.partial`);
    writeFileSync(partial, whole);
    const hint = `rename it to ${join(folder, `named.${format}`)}`;
    await expect(recoverLog(partial, out())).rejects.toThrow(
      new InputError(`${partial}: ${message}; ${hint}`),
    );
    expect(readdirSync(folder).filter((name) => name.startsWith('saved'))).toEqual([]);
  });

  it('stays under its temporary name if its writer stops, and that is told to who would write it again', async () => {
    const stopped = join(folder, `stopped.${format}`);
    const writer = await newWriter(stopped, format, run.header);
    expect([writer.partial, writer.flushed]).toEqual([`${stopped}.partial`, 0]);
    await writer.write(run.batches[0]);
    await writer.close();
    expect(existsSync(stopped)).toBe(false);
    expect(batchesIn(await partsOf(writer.partial))).toEqual([...run.batches[0]]);
    await expect(openLogWriter(stopped, format, run.header)).rejects.toThrow(
      new InputError(
        `${stopped}.partial: already exists; wait for the run that writes it, or save its events with 'decpool recover' and remove it`,
      ),
    );
  });

  it('cannot be finished where its folder is gone, and its events are said to be there', async () => {
    const gone = mkdtempSync(join(folder, 'gone-'));
    const name = join(gone, `log.${format}`);
    const writer = await openLogWriter(name, format, run.header);
    await writer.write(run.batches[0]);
    rmSync(gone, { recursive: true });
    const finished = writer.finish();
    await expect(finished).rejects.toBeInstanceOf(UnwrittenError);
    await expect(finished).rejects.toThrow(
      new RegExp(
        `^${name}.partial: cannot be written: ENOENT.*; to save its first ${run.batches[0].length} events, run: decpool recover ${name}.partial$`,
      ),
    );
  });
});

describe.each(FORMATS)('the keyframes of a log as %s', (format) => {
  it.each([1, 7, 20, 50])(
    'stand at the first segment after %i events, and after five times their own bytes in events of 32 bytes',
    async (keyframeEvents) => {
      const path = join(folder, `keyframes.${format}`);
      await writeLog(path, format, run, { keyframeEvents });
      let events = 0;
      let last = { events: 0, bytes: 0 };
      for (const part of await partsOf(path)) {
        const since = events - last.events;
        const isDue = since >= keyframeEvents && since * 32 >= last.bytes * 5;
        if (part.kind === 'keyframe') {
          expect(isDue).toBe(true);
          last = { events, bytes: part.keyframe.state.length };
        } else if (part.kind === 'batch' || part.kind === 'seal') {
          // The first segment too has nothing before it that is due.
          expect(isDue && events > 0, `after ${events} events`).toBe(false);
          if (part.kind === 'batch') events += part.batch.length;
        }
      }
      expect(last.events).toBeGreaterThan(0);
    },
  );
});

describe('the file of a new log', () => {
  it('is free, and ends as a log does', async () => {
    const free = join(folder, 'free');
    for (const format of FORMATS)
      expect(await newLog(`${free}${LOG_FORMATS[format]}`)).toEqual({
        path: `${free}${LOG_FORMATS[format]}`,
        format,
      });
    await expect(newLog(`${free}.log`)).rejects.toThrow(
      new InputError(`${free}.log: expected a name that ends in .arrow or .ndjson`),
    );
    await expect(expectFree(free)).resolves.toBeUndefined();
    writeFileSync(`${free}.arrow`, '');
    const taken = new InputError(`${free}.arrow: already exists; expected the name of a new file`);
    await expect(expectFree(`${free}.arrow`)).rejects.toThrow(taken);
    await expect(newLog(`${free}.arrow`)).rejects.toThrow(taken);
    rmSync(`${free}.arrow`);
  });
});

describe('the header of a log', () => {
  it('is its first part, and the others come behind it', async () => {
    const path = join(folder, 'header.ndjson');
    await writeLog(path, 'ndjson', run);
    const parts = readLog(path);
    expect((await headerOf(parts)).header).toEqual(run.header);
    expect((await parts.next()).value).toMatchObject({ kind: 'batch' });
    await expect(headerOf(parts)).rejects.toThrow(new InputError('has no header; expected an event log'));
    await parts.return(undefined);
    const log = await openLog(path);
    const none = log.batches(0, 0);
    expect((await none.next()).done).toBe(true);
    await log.close();
  });
});

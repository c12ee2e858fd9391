import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { type EventBatch, InputError, type PoolEvent } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ByteFile, openFile } from './byte-file.ts';
import { initialColumns } from './fold.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { inflated, type OpenLog, openLog } from './open.ts';
import { placesIn } from './places.ts';
import { type LogPart, partsIn } from './read.ts';
import { openBelow, partsOf, type Run, shortRun, writeLog } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = shortRun(30, 6);
const EVENTS = run.batches.flatMap((batch) => [...batch]);
/** The state hash after each number of events. */
const HASHES = (() => {
  const columns = initialColumns(run.header);
  const hashes = [columns.hash()];
  for (const batch of run.batches) {
    for (let row = 0; row < batch.length; row++) {
      columns.fold(batch.slice(row, row + 1));
      hashes.push(columns.hash());
    }
  }
  return hashes;
})();

function hashAfter({ header, batches }: Run, events: number): string {
  const columns = initialColumns(header);
  for (const batch of batches) if (batch.firstSeq < events) columns.fold(batch);
  return columns.hash();
}

async function eventsOf(batches: AsyncIterable<EventBatch>): Promise<PoolEvent[]> {
  const events: PoolEvent[] = [];
  for await (const batch of batches) {
    expect(batch.length).toBeGreaterThan(0);
    events.push(...batch);
  }
  return events;
}

/** Where the lines of an NDJSON log end, by what they begin with. */
function endsOf(bytes: Buffer): { readonly start: string; readonly end: number }[] {
  const ends: { start: string; end: number }[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from) + 1;
    ends.push({ start: bytes.toString('latin1', from, from + 9), end });
    from = end;
  }
  return ends;
}

const KINDS = (Object.keys(LOG_FORMATS) as LogFormat[]).flatMap((format) =>
  [false, true].map((isGzip) => ({ format, isGzip, name: isGzip ? `${format}.gz` : format })),
);

describe.each(KINDS)('an open log as $name', ({ format, isGzip, name }) => {
  const path = () => join(folder, name);

  interface Opened {
    readonly log: OpenLog;
    readonly parts: readonly LogPart[];
    /** Events before each keyframe, as they are met when the log is read from its start. */
    readonly keyframes: readonly number[];
    readonly calls: readonly (readonly [number, number])[];
  }

  let parts: readonly LogPart[] = [];
  beforeAll(async () => {
    const plain = join(folder, `plain-${name}`);
    await writeLog(plain, format, run, { keyframeEvents: 20 });
    writeFileSync(path(), isGzip ? gzipSync(readFileSync(plain)) : readFileSync(plain));
    parts = await partsOf(path());
  });
  const opened = (test: (opened: Opened) => Promise<void> | void) => async () => {
    const keyframes = parts.flatMap((part) => (part.kind === 'keyframe' ? [part.keyframe.events] : []));
    const calls: [number, number][] = [];
    const log = await openLog(path(), (done, all) => calls.push([done, all]));
    await test({ log, parts, keyframes, calls });
    await log.close();
  };

  it(
    'says what reading it from its start says',
    opened(({ log, parts, keyframes }) => {
      expect(keyframes.length).toBeGreaterThan(1);
      expect(log).toMatchObject({
        ...{ path: path(), format, isGzip, header: run.header, events: EVENTS.length },
        bytes: statSync(path()).size,
        segments: run.batches.length,
        keyframes,
        torn: undefined,
      });
      expect(parts.at(-1)).toEqual({ kind: 'seal', seal: log.seal });
      expect(parts[0]).toEqual({ kind: 'header', header: log.header, version: log.version });
    }),
  );

  it(
    'gives the events from any to any other, and no empty batch',
    opened(async ({ log }) => {
      for (let from = 0; from <= EVENTS.length; from += isGzip ? 50 : 11) {
        for (const to of [from - 1, from, from + 1, from + 6, from + 7, from + 40, EVENTS.length]) {
          if (to < 0 || to > EVENTS.length) continue;
          expect(await eventsOf(log.batches(from, to)), `${from} to ${to}`).toEqual(EVENTS.slice(from, to));
        }
      }
      expect(await eventsOf(log.batches())).toEqual(EVENTS);
      expect(await eventsOf(log.batches(17))).toEqual(EVENTS.slice(17));
    }),
  );

  it(
    'says how many of the wanted events it has read after each batch',
    opened(async ({ log, calls }) => {
      await eventsOf(log.batches(8, 33));
      expect(calls.map(([, all]) => all)).toEqual(calls.map(() => 25));
      // Segments have 6 events: 8 to 11, 12 to 17, 18 to 23, 24 to 29, 30 to 32.
      expect(calls.map(([done]) => done)).toEqual([4, 10, 16, 22, 25]);
      expect(await eventsOf(log.batches(9, 9))).toEqual([]);
      expect(calls).toHaveLength(5);
    }),
  );

  it(
    'refuses what is no number of its events',
    opened(async ({ log }) => {
      for (const wrong of [-1, 0.5, EVENTS.length + 1, Number.NaN]) {
        const message = `${path()}: event ${wrong}: expected a whole number from 0 to ${EVENTS.length}`;
        await expect(eventsOf(log.batches(wrong))).rejects.toThrow(message);
        await expect(eventsOf(log.batches(0, wrong))).rejects.toThrow(message);
        await expect(log.seek(wrong)).rejects.toThrow(message);
      }
    }),
  );

  it(
    'goes to the state after any number of events',
    opened(async ({ log }) => {
      for (let events = 0; events <= EVENTS.length; events += isGzip ? 17 : 7) {
        const columns = await log.seek(events);
        expect(columns.counters.events).toBe(events);
        expect(columns.hash()).toBe(HASHES[events]);
      }
      expect((await log.seek(EVENTS.length)).hash()).toBe(run.stateHash);
    }),
  );

  it(
    'folds the next events into a state, and gives each batch once it was folded',
    opened(async ({ log }) => {
      const columns = await log.seek(9);
      let events = 9;
      for await (const batch of log.fold(columns, 40)) {
        events += batch.length;
        expect(columns.counters.events).toBe(events);
      }
      expect(columns.hash()).toBe(HASHES[40]);
      for await (const _ of log.fold(columns));
      expect(columns.hash()).toBe(run.stateHash);
    }),
  );

  it(
    'knows the last keyframe at or before an event',
    opened(({ log, keyframes }) => {
      for (let events = 0; events <= EVENTS.length; events++) {
        const before = keyframes.filter((keyframe) => keyframe <= events);
        expect(log.keyframeBefore(events)).toBe(Math.max(0, ...before));
      }
    }),
  );

  it(
    'can be read from the place of each segment and keyframe on',
    opened(async ({ parts, keyframes }) => {
      const file = await openFile(path());
      const { header, version, segments, keyframes: marks, end } = await placesIn(file);
      expect(segments.map(({ events }) => events)).toEqual(run.batches.map(({ firstSeq }) => firstSeq));
      expect(marks.map(({ events }) => events)).toEqual(keyframes);
      for (const place of [...segments, ...marks, end]) {
        const rest: LogPart[] = [];
        const start = { ...place, header, version };
        for await (const part of partsIn(file, {}, { start, bytes: 0 })) rest.push(part);
        expect(rest).toEqual(parts.slice(-rest.length));
        const isMark = marks.includes(place);
        expect(rest[0].kind).toBe(isMark ? 'keyframe' : place === end ? 'seal' : 'batch');
      }
      await file.close();
    }),
  );

  it(
    'has the same places however the file is cut into chunks',
    opened(async () => {
      const file = await openFile(path());
      const whole = await placesIn(file);
      for (const chunkBytes of [7, 16, 100]) {
        const slow: ByteFile = { ...file, from: (offset) => file.from(offset, { chunkBytes }) };
        expect(await placesIn(slow)).toEqual(whole);
      }
      await file.close();
    }),
  );
});

describe('the places in an NDJSON log', () => {
  it('are behind its header, each checkpoint and each keyframe, with the lines before them', async () => {
    const path = join(folder, 'places.ndjson');
    await writeLog(path, 'ndjson', run, { keyframeEvents: 20 });
    const ends = endsOf(readFileSync(path));
    const file = await openFile(path);
    const { segments, keyframes, end } = await placesIn(file);
    await file.close();
    const after = ends.map(({ end: offset }, line) => ({ offset, lines: line + 1 }));
    const isMark = (line: number, name: string) => ends[line]?.start === `{"${name}"`.slice(0, 9);
    const expected = (wanted: (line: number) => boolean) =>
      after.filter((_, line) => wanted(line)).map((place) => expect.objectContaining(place));
    const begins = (line: number) =>
      ends[line + 1]?.start.startsWith('{"seq"') && !ends[line].start.startsWith('{"seq"');
    expect(segments).toEqual(expected((line) => begins(line) === true));
    expect(keyframes).toEqual(expected((line) => isMark(line + 1, 'keyframe')));
    expect(end).toMatchObject(after.at(-2)!);
  });
});

describe.each(Object.keys(LOG_FORMATS) as LogFormat[])('a log as %s that was cut off', (format) => {
  const small = shortRun(0, 4);
  const path = () => join(folder, `cut.${format}`);

  async function writeWhole(): Promise<Buffer> {
    await writeLog(path(), format, small, { keyframeEvents: 8 });
    return readFileSync(path());
  }

  /** Returns its events, or undefined if the reader refuses it. */
  async function expectSameAsRead(): Promise<number | undefined> {
    const read = await partsOf(path()).catch((error: InputError) => error);
    if (!Array.isArray(read)) {
      expect(read).toBeInstanceOf(InputError);
      await expect(openLog(path())).rejects.toThrow(read.message);
      return undefined;
    }
    const log = await openLog(path());
    const batches = read.flatMap((part) => (part.kind === 'batch' ? [part.batch] : []));
    const marks = read.flatMap((part) => (part.kind === 'keyframe' ? [part.keyframe.events] : []));
    expect(log.events).toBe(batches.reduce((sum, { length }) => sum + length, 0));
    expect(await eventsOf(log.batches())).toEqual(batches.flatMap((batch) => [...batch]));
    expect([log.segments, log.keyframes]).toEqual([batches.length, marks]);
    expect(log.torn).toEqual(read.find(({ kind }) => kind === 'torn'));
    expect(log.seal).toEqual(read.flatMap((part) => (part.kind === 'seal' ? [part.seal] : []))[0]);
    await log.close();
    return log.events;
  }

  it('has the events, the keyframes and the torn part that reading it from its start finds, wherever it was cut off', async () => {
    const whole = await writeWhole();
    let cuts = 0;
    for (let bytes = 1; bytes < whole.length; bytes += 149) {
      writeFileSync(path(), whole.subarray(0, bytes));
      if ((await expectSameAsRead()) !== undefined) cuts++;
    }
    expect(cuts).toBeGreaterThan(20);
  });

  it.runIf(format === 'ndjson')(
    'has them, too, if only the newline of its last line is missing',
    async () => {
      const whole = await writeWhole();
      const marks = endsOf(whole).filter(({ start }) => !start.startsWith('{"seq"'));
      // The header, three segments with a checkpoint and a keyframe at least, and the seal.
      expect(marks.length).toBeGreaterThan(7);
      for (const { end } of marks) {
        writeFileSync(path(), whole.subarray(0, end));
        const events = await expectSameAsRead();
        writeFileSync(path(), whole.subarray(0, end - 1));
        expect(await expectSameAsRead()).toBe(events);
        const log = await openLog(path());
        expect((await log.seek(log.events)).hash()).toBe(hashAfter(small, log.events));
        await log.close();
        writeFileSync(path(), whole.subarray(0, end - 2));
        await expectSameAsRead();
      }
    },
  );
});

it('an NDJSON log has torn events and bytes as soon as there is one behind its last checkpoint', async () => {
  const path = join(folder, 'torn.ndjson');
  await writeLog(path, 'ndjson', run);
  const bytes = readFileSync(path);
  const ends = endsOf(bytes);
  const second = ends.findIndex(({ start }) => start === '{"checkpo');
  const tornAt = async (length: number) => {
    writeFileSync(path, bytes.subarray(0, length));
    const log = await openLog(path);
    await log.close();
    expect(log.events).toBe(run.batches[0].length);
    return log.torn;
  };
  expect(await tornAt(ends[second].end)).toBeUndefined();
  expect(await tornAt(ends[second].end + 1)).toMatchObject({ events: 0, bytes: 1 });
  expect(await tornAt(ends[second + 1].end)).toMatchObject({ events: 1, bytes: 0 });
  expect(await tornAt(ends[second + 2].end + 3)).toMatchObject({ events: 2, bytes: 3 });
});

describe('an open log that was altered', () => {
  async function linesOf(): Promise<string[]> {
    const path = join(folder, 'unaltered.ndjson');
    await writeLog(path, 'ndjson', run, { keyframeEvents: 20 });
    return readFileSync(path, 'utf8').split('\n');
  }
  async function altered(change: (line: string) => string): Promise<OpenLog> {
    const path = join(folder, 'altered.ndjson');
    const lines = await linesOf();
    const text = lines.map(change).join('\n');
    expect(text).not.toBe(lines.join('\n'));
    writeFileSync(path, text);
    return openLog(path);
  }

  it('is refused only where the altered segment is read', async () => {
    const log = await altered((line) => line.replace('{"seq":13,"time":0', '{"seq":13,"time":7'));
    expect(await eventsOf(log.batches(0, 12))).toEqual(EVENTS.slice(0, 12));
    expect(await eventsOf(log.batches(18))).toEqual(EVENTS.slice(18));
    for (const [from, to] of [
      [0, 13],
      [12, 13],
      [17, 19],
    ])
      await expect(eventsOf(log.batches(from, to))).rejects.toThrow(/event 13 was altered/);
    // Behind a keyframe the events before it are not read.
    const [keyframe] = log.keyframes;
    expect(keyframe).toBeGreaterThan(13);
    expect((await log.seek(keyframe)).hash()).toBe(HASHES[keyframe]);
    await expect(log.seek(keyframe - 1)).rejects.toThrow(/event 13 was altered/);
    await log.close();
  });

  it('is refused where a keyframe was altered, and the events around it are not', async () => {
    const log = await altered((line) =>
      line.replace(/^(\{"keyframe":.*"stateHash":")./, (_, before) => `${before}x`),
    );
    const [keyframe] = log.keyframes;
    await expect(log.seek(keyframe)).rejects.toThrow(/altered\.ndjson: .*keyframe/);
    expect((await log.seek(keyframe - 1)).hash()).toBe(HASHES[keyframe - 1]);
    expect(await eventsOf(log.batches())).toEqual(EVENTS);
    await log.close();
  });

  it('says so if a keyframe is no longer where it was', async () => {
    const path = join(folder, 'changed.ndjson');
    const lines = await linesOf();
    writeFileSync(path, lines.join('\n'));
    const log = await openLog(path);
    const [keyframe] = log.keyframes;
    const at = lines.findIndex((line) => line.startsWith('{"keyframe"'));
    writeFileSync(path, lines.filter((_, line) => line !== at).join('\n'));
    await expect(log.seek(keyframe)).rejects.toThrow(
      `${path}: keyframe after event ${keyframe}: missing; the file changed while it was read`,
    );
    await log.close();
  });
});

it('an open log of schema version 1 has no places in it: it is read from its start, and has all of its events', async () => {
  const path = fileURLToPath(new URL('./fixtures/v1-kernel.arrow.gz', import.meta.url));
  const batches = (await partsOf(path)).flatMap((part) => (part.kind === 'batch' ? [part.batch] : []));
  expect(batches.length).toBeGreaterThan(2);
  const events = batches.flatMap((batch) => [...batch]);
  const log = await openLog(path);
  expect(log).toMatchObject({ version: 1, events: events.length, segments: 0, keyframes: [] });
  expect(log.seal).toMatchObject({ events: events.length });
  const second = batches[1].firstSeq;
  for (const [from, to] of [
    [0, 5],
    [second, second + 3],
    [second - 1, second + 1],
  ])
    expect(await eventsOf(log.batches(from, to))).toEqual(events.slice(from, to));
  expect((await log.seek(events.length)).hash()).toBe(log.seal?.stateHash);
  await log.close();
});

it.runIf(existsSync('/proc/self/fd'))('a file that is refused is closed', async () => {
  const path = join(folder, 'refused.ndjson');
  for (const text of ['{}\n', '{']) {
    writeFileSync(path, text);
    await expect(openLog(path)).rejects.toThrow(path);
    expect(openBelow(path)).toEqual([]);
    rmSync(path);
  }
});

it('a state may have 64 MiB and 64 times the bytes that its keyframe has, and no more', () => {
  const packedBytes = 90_000;
  const stateBytes = 2 ** 26 + 64 * packedBytes;
  // Pieces that end with a flush can be joined.
  const mebibyte = deflateRawSync(Buffer.alloc(2 ** 20), { finishFlush: constants.Z_SYNC_FLUSH });
  const pieces = new Array<Buffer>(Math.floor(stateBytes / 2 ** 20)).fill(mebibyte);
  const packed = Buffer.concat([...pieces, deflateRawSync(Buffer.alloc(stateBytes % 2 ** 20))]);
  // What stands behind the last of them is not read.
  const ofLength = (bytes: number) =>
    Buffer.concat([packed, Buffer.alloc(bytes - packed.length)]).toString('base64');
  expect(inflated(ofLength(packedBytes))).toHaveLength(stateBytes);
  expect(() => inflated(ofLength(packedBytes - 1))).toThrow(
    /^invalid keyframe: its state cannot be unpacked: /,
  );
});

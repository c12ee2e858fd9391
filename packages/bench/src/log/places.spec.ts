/** Where the parts of a log lie, against one pass over all of its lines or records. The files are in memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { ByteReader } from '../files/byte-reader.ts';
import type { ByteFile } from './byte-file.ts';
import { Chain } from './chain.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { type Place, type Places, placesIn } from './places.ts';
import { recordsFrom } from './records.ts';
import { readerOf, shortRun, writeLog } from './testing.ts';

const RUN = shortRun(12, 5);
const written = {} as Record<LogFormat | 'large', Buffer>;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  const bytesOf = async (format: LogFormat, run = RUN) => {
    const path = join(folder, `log.${format}`);
    await writeLog(path, format, run, { keyframeEvents: 1 });
    return readFileSync(path);
  };
  written.arrow = await bytesOf('arrow');
  written.ndjson = await bytesOf('ndjson');
  written.large = await bytesOf('arrow', shortRun(400, 500));
  rmSync(folder, { recursive: true });
});

interface MemoryFile extends ByteFile {
  /** Readers that were opened and not closed. */
  readonly open: number;
  /** Bytes that were read, and not passed over. */
  readonly bytesRead: number;
}

/** A log in memory, which gives so many bytes at a time. */
function fileOf(bytes: Uint8Array, most = Number.POSITIVE_INFINITY): MemoryFile {
  let [open, bytesRead] = [0, 0];
  return {
    path: 'memory.log',
    isGzip: false,
    format: bytes[0] === 0xff ? 'arrow' : 'ndjson',
    size: async () => bytes.length,
    from: async (offset, { chunkBytes = bytes.length } = {}) => {
      open++;
      let at = offset;
      return new ByteReader({
        next: async () => {
          const chunk = bytes.subarray(at, at + Math.min(most, chunkBytes));
          at += chunk.length;
          bytesRead += chunk.length;
          return chunk;
        },
        skip: async (wanted) => {
          const skipped = Math.min(wanted, bytes.length - at);
          at += skipped;
          return skipped;
        },
        get fetched() {
          return at;
        },
        close: () => void open--,
      });
    },
    close: async () => {},
    get open() {
      return open;
    },
    get bytesRead() {
      return bytesRead;
    },
  };
}

type Found = Pick<Places, 'segments' | 'keyframes' | 'end'>;

const FIRST = new Chain({ header: RUN.header, version: RUN.header.schema }).value;

/** The same of an NDJSON log, line by line. */
function placesByLine(text: Buffer): Found {
  const [segments, keyframes]: Place[][] = [[], []];
  let end: Place = { offset: text.indexOf('\n') + 1, lines: 1, events: 0, chain: FIRST };
  for (let [from, lines] = [end.offset, 1]; from < text.length; lines++) {
    const newline = text.indexOf('\n', from);
    const to = newline === -1 ? text.length : newline + 1;
    const line = parsed(text.toString('utf8', from, to));
    const place = { offset: to, lines: lines + 1 };
    if (line?.['checkpoint'] !== undefined) {
      segments.push(end);
      end = { ...place, ...(line['checkpoint'] as Pick<Place, 'events' | 'chain'>) };
      end = { offset: end.offset, lines: end.lines, events: end.events, chain: end.chain };
    } else if (line?.['keyframe'] !== undefined) {
      keyframes.push(end);
      end = { ...end, ...place };
    }
    from = to;
  }
  return { segments, keyframes, end };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The same of an Arrow log, record by record, all of which are decoded. Lines are counted as those of an NDJSON log. */
async function placesByRecord(bytes: Uint8Array): Promise<Found> {
  const [segments, keyframes]: Place[][] = [[], []];
  let offset = 0;
  const reader = readerOf(bytes);
  const take = reader.take.bind(reader);
  reader.take = async (wanted) => {
    const taken = await take(wanted);
    offset += taken.length;
    return taken;
  };
  let end: Place = { offset: 0, lines: 1, events: 0, chain: FIRST };
  for await (const record of recordsFrom(reader, 'arrow')) {
    if (record.kind === 'header') end = { ...end, offset };
    else if (record.kind === 'segment') {
      const { events = 0, chain = '' } = record.checkpoint ?? {};
      segments.push(end);
      end = { offset, lines: end.lines + record.batch.length + 1, events, chain };
    } else if (record.kind === 'keyframe') {
      keyframes.push(end);
      end = { ...end, offset, lines: end.lines + 1 };
    }
  }
  return { segments, keyframes, end };
}

/** The places of a whole log that are left of it when it was cut off: each that something complete stands before. */
function placesUpTo({ segments, keyframes, end }: Found, length: number): Found {
  const isLeft = (_: Place, index: number) => ends[index].offset <= length;
  const places = [...segments, ...keyframes].sort((a, b) => a.offset - b.offset);
  const ends = [...places.slice(1), end];
  const left = new Set(places.filter(isLeft));
  return {
    segments: segments.filter((place) => left.has(place)),
    keyframes: keyframes.filter((place) => left.has(place)),
    end: [places[0], ...ends.filter(({ offset }) => offset <= length)].at(-1) ?? end,
  };
}

async function foundIn(file: MemoryFile): Promise<Found> {
  const { header, version, segments, keyframes, end } = await placesIn(file);
  expect({ header, version }).toEqual({ header: RUN.header, version: RUN.header.schema });
  expect(file.open).toBe(0);
  return { segments, keyframes, end };
}

/** Lengths of a log that was cut off: around each of its first places, and some between them. */
function cutsOf(bytes: Buffer, { segments, keyframes }: Found): number[] {
  const first = segments[0].offset;
  const places = [...segments.slice(0, 3), ...keyframes.slice(0, 2)];
  const around = places.flatMap(({ offset }) =>
    [-2, -1, 0, 1, 2, 12, 13, 14, 15, 16, 40].map((by) => offset + by),
  );
  for (let length = first; length < bytes.length; length += 1009) around.push(length);
  return around.filter((length) => length >= first && length <= bytes.length);
}

describe.each(Object.keys(LOG_FORMATS) as LogFormat[])('the places in a log as %s', (format) => {
  const whole = () => Buffer.from(written[format]);
  const placesOf = async (bytes: Buffer) =>
    format === 'arrow' ? placesByRecord(bytes) : placesByLine(bytes);

  it('are those that all of its lines or records have, however few bytes come at a time', async () => {
    const expected = await placesOf(whole());
    expect(expected.segments).toHaveLength(RUN.batches.length);
    expect(expected.keyframes.length).toBeGreaterThan(1);
    expect(expected.end.events).toBe(RUN.events);
    for (const most of [1, 14, 1000, 2 ** 20]) expect(await foundIn(fileOf(whole(), most))).toEqual(expected);
  });

  it('are those of its complete parts, wherever it was cut off behind its header', async () => {
    const all = await placesOf(whole());
    for (const length of cutsOf(whole(), all)) {
      const cut = whole().subarray(0, length);
      // A line is complete without its line end.
      const expected = format === 'arrow' ? placesUpTo(all, length) : placesByLine(cut);
      expect(await foundIn(fileOf(cut, 500)), `${length} bytes`).toEqual(expected);
    }
  });

  it('are none of a log without its whole header, which is refused with its name', async () => {
    const { offset } = (await placesOf(whole())).segments[0];
    // Of NDJSON the line end may be missing.
    const least = format === 'arrow' ? offset - 1 : offset - 2;
    for (const length of [1, 2, 8, 30, least]) {
      const file = fileOf(whole().subarray(0, length), 25);
      const refused = placesIn(file);
      await expect(refused).rejects.toThrow('memory.log: ends inside its header; expected an event log');
      await expect(refused).rejects.toBeInstanceOf(InputError);
      expect(file.open).toBe(0);
    }
  });
});

describe('the places in an NDJSON log', () => {
  const linesOf = () => written.ndjson.toString('utf8').split('\n');
  /** Of the log with another line in place of one of its checkpoints. */
  const withCheckpoint = async (checkpoint: unknown, index = 1) => {
    const lines = linesOf();
    const marks = lines.flatMap((line, at) => (line.startsWith('{"checkpoint":') ? [at] : []));
    lines[marks[index]] = typeof checkpoint === 'string' ? checkpoint : JSON.stringify({ checkpoint });
    return foundIn(fileOf(Buffer.from(lines.join('\n'))));
  };

  it('end before a checkpoint that is none, or has fewer events than the one before it', async () => {
    const { segments } = placesByLine(written.ndjson);
    const [, first, second] = segments;
    const { events, chain } = second;
    const end = { ...segments[1], offset: expect.any(Number), lines: expect.any(Number) };
    for (const wrong of [
      null,
      1,
      {},
      { events },
      { chain },
      { events: String(events), chain },
      { events: events + 0.5, chain },
      { events: 2 ** 53, chain },
      { events: -1, chain },
      { events: first.events - 1, chain },
      { events, chain: 7 },
      '{"checkpoint":{"events":',
      '{"checkpoint":null} x',
    ]) {
      const found = await withCheckpoint(wrong);
      expect(found.segments).toEqual([segments[0]]);
      expect(found.end).toEqual(end);
    }
    for (const right of [events, first.events])
      expect((await withCheckpoint({ events: right, chain })).segments).toHaveLength(segments.length);
    expect(await withCheckpoint({ chain }, 0)).toMatchObject({ segments: [], end: { events: 0 } });
  });

  it('end behind a header without its line end, if there is nothing else', async () => {
    const { offset, ...place } = placesByLine(written.ndjson).segments[0];
    const found = await foundIn(fileOf(written.ndjson.subarray(0, offset - 1), 30));
    expect(found).toEqual({ segments: [], keyframes: [], end: { ...place, offset: offset - 1 } });
  });

  it('end behind a checkpoint if something else comes next, however short', async () => {
    const [first] = placesByLine(written.ndjson).keyframes;
    for (const rest of ['{}', '{"a":1}', '7\n', '\n', '\n\n{"keyframe":{}}']) {
      const text = Buffer.concat([written.ndjson.subarray(0, first.offset), Buffer.from(rest)]);
      expect((await foundIn(fileOf(text))).end).toEqual(first);
    }
  });

  it('are found behind lines that only have such text in them', async () => {
    const lines = linesOf();
    const text = ['{"checkpoint":1}', '\\n{"checkpoint":1}', '{"keyframe":1}'].join(' ');
    const others = [...lines.slice(0, 1), ` ${text}`, `x${text}`, '{"checkpoin', ...lines.slice(1)];
    const bytes = Buffer.from(others.join('\n'));
    const { segments, end } = await foundIn(fileOf(bytes, 40));
    const more = bytes.length - written.ndjson.length;
    const expected = placesByLine(written.ndjson);
    expect(segments.map(({ events }) => events)).toEqual(expected.segments.map(({ events }) => events));
    expect(end.offset).toBe(expected.end.offset + more);
  });

  it('have the keyframes that stand right behind a checkpoint, and no other', async () => {
    const lines = linesOf();
    const at = lines.findIndex((line) => line.startsWith('{"keyframe":'));
    const moved = [...lines.slice(0, at), lines[at + 1], lines[at], ...lines.slice(at + 2)];
    const found = await foundIn(fileOf(Buffer.from(moved.join('\n'))));
    const { segments, keyframes } = placesByLine(written.ndjson);
    expect(found.keyframes).toHaveLength(keyframes.length - 1);
    expect(found.segments).toHaveLength(segments.length);
  });
});

it('an Arrow log is passed over but for the metadata of its messages', async () => {
  const file = fileOf(written.large, 64);
  await placesIn(file);
  expect(file.bytesRead).toBeLessThan(written.large.length / 4);
});

it('an Arrow log with damage in its header is refused with that place', async () => {
  const bytes = Buffer.from(written.arrow);
  bytes.fill(0x7e, 20, 80);
  await expect(placesIn(fileOf(bytes))).rejects.toThrow('memory.log: in its header: ');
});

it('an Arrow log with a checkpoint that does not count the events before it is refused with its place', async () => {
  const { segments } = await placesByRecord(written.arrow);
  const bytes = Buffer.from(written.arrow);
  const mark = `"events":${segments[2].events}`;
  const at = bytes.indexOf(mark, segments[1].offset);
  expect(at).toBeGreaterThan(0);
  bytes.write(`"events":${segments[2].events + 1}`, at);
  const file = fileOf(bytes);
  await expect(placesIn(file)).rejects.toThrow(`memory.log: after ${segments[1].events} events: `);
  expect(file.open).toBe(0);
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { recordsFrom, type StoredRecord } from './records.ts';
import { readerOf, shortRun, writeLog } from './testing.ts';

const RUN = shortRun(12, 6);
const BATCHES = RUN.batches.length;
let folder = '';
const written = new Map<LogFormat, Buffer>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  for (const format of Object.keys(LOG_FORMATS) as LogFormat[]) {
    const path = join(folder, `log.${format}`);
    await writeLog(path, format, RUN, { keyframeEvents: 1 });
    written.set(format, readFileSync(path));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function recordsIn(
  bytes: Uint8Array,
  format: LogFormat,
  options?: Parameters<typeof recordsFrom>[2],
): Promise<{ readonly records: StoredRecord[]; readonly refused: string | undefined }> {
  const records: StoredRecord[] = [];
  try {
    for await (const record of recordsFrom(readerOf(bytes), format, options)) records.push(record);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return { records, refused: (error as Error).message };
  }
  return { records, refused: undefined };
}

describe.each(Object.keys(LOG_FORMATS) as LogFormat[])('the records of a log as %s', (format) => {
  const whole = () => Buffer.from(written.get(format) ?? []);
  const kindsOf = (records: readonly StoredRecord[]) => records.map(({ kind }) => kind);

  it('are its header, its segments with the keyframes between them, and its seal', async () => {
    const { records, refused } = await recordsIn(whole(), format);
    expect(refused).toBeUndefined();
    const kinds = kindsOf(records);
    expect([kinds[0], kinds.at(-1)]).toEqual(['header', 'seal']);
    expect(kinds.filter((kind) => kind === 'segment')).toHaveLength(BATCHES);
    expect(kinds).toContain('keyframe');
    const events = records.flatMap((record) => (record.kind === 'segment' ? [...record.batch] : []));
    expect(events).toEqual(RUN.batches.flatMap((batch) => [...batch]));
  });

  it('may be read without the keyframes', async () => {
    const { records } = await recordsIn(whole(), format);
    const { records: others } = await recordsIn(whole(), format, { skipsKeyframes: true });
    expect(kindsOf(others)).toEqual(kindsOf(records).filter((kind) => kind !== 'keyframe'));
  });

  it('end with what is torn, wherever it was cut off behind its header', async () => {
    const bytes = whole();
    const { records: all } = await recordsIn(bytes, format);
    const start = format === 'arrow' ? 0 : bytes.indexOf('\n') + 1;
    const step = Math.ceil(bytes.length / 40);
    for (let end = bytes.length - 1; end > bytes.length / 2; end -= step) {
      const { records, refused } = await recordsIn(bytes.subarray(0, end), format);
      expect(refused).toBeUndefined();
      const last = records.at(-1);
      const torn = last?.kind === 'torn' ? last : undefined;
      const complete = torn === undefined ? records : records.slice(0, -1);
      expect(kindsOf(complete)).toEqual(kindsOf(all).slice(0, complete.length));
      if (format === 'arrow') {
        expect((torn?.events ?? 0) + (torn?.bytes ?? 1)).toBeGreaterThan(0);
        continue;
      }
      // Lines behind the last checkpoint or keyframe are events, but for a line without an end.
      const lines = bytes.subarray(start, end).toString('latin1').split('\n');
      // The last may be whole, but for its line end.
      const rest = isWhole(lines.at(-1) ?? '') ? '' : (lines.pop() ?? '');
      const marks = lines.findLastIndex((line) => /^\{"(checkpoint|keyframe|seal)"/.test(line));
      const events = lines.length - 1 - marks;
      expect(torn ?? { kind: 'torn', events: 0, bytes: 0 }).toEqual({
        kind: 'torn',
        events,
        bytes: rest.length,
      });
    }
  });

  it('are torn as soon as there is one byte, or one event, of the next', async () => {
    const bytes = whole();
    const ends = await endsOf(bytes, format);
    for (const [index, { end }] of ends.slice(0, 4).entries()) {
      const next = ends[index + 1];
      const tornAt = async (length: number) => {
        const { records } = await recordsIn(bytes.subarray(0, length), format);
        expect(kindsOf(records).slice(0, index + 1)).toEqual(
          ends.slice(0, index + 1).map(({ record }) => record.kind),
        );
        return records[index + 1];
      };
      expect(await tornAt(end)).toBeUndefined();
      expect(await tornAt(end + 1)).toEqual({ kind: 'torn', events: 0, bytes: 1 });
      if (next.record.kind !== 'segment') continue;
      const { length } = next.record.batch;
      if (format === 'arrow') {
        const bytesOf = next.end - end - 1;
        expect(await tornAt(next.end - 1)).toEqual({ kind: 'torn', events: length, bytes: bytesOf });
      } else {
        const line = bytes.indexOf('\n', end) + 1;
        expect(await tornAt(line)).toEqual({ kind: 'torn', events: 1, bytes: 0 });
      }
    }
  });

  it('have no keyframe behind the seal, whether keyframes are read or not', async () => {
    const bytes = whole();
    const ends = await endsOf(bytes, format);
    const index = ends.findIndex(({ record }) => record.kind === 'keyframe');
    const keyframe = bytes.subarray(ends[index - 1].end, ends[index].end);
    const seal = ends.findIndex(({ record }) => record.kind === 'seal');
    const changed = Buffer.concat([bytes.subarray(0, ends[seal].end), keyframe]);
    const { refused } = await recordsIn(changed, format);
    expect(refused).toMatch(/seal/);
    expect((await recordsIn(changed, format, { skipsKeyframes: true })).refused).toBe(refused);
  });

  it('that are none are refused with their place', async () => {
    const bytes = whole();
    const damaged = (at: number) => {
      const copy = Buffer.from(bytes);
      copy.fill(0x7e, at, at + 60);
      return recordsIn(copy, format);
    };
    const { records, refused } = await damaged(Math.floor(bytes.length * 0.6));
    expect(kindsOf(records)[0]).toBe('header');
    expect(refused).toMatch(format === 'arrow' ? /^after \d+ events: / : /^line \d+: /);
    const early = await damaged(20);
    expect(early.records).toEqual([]);
    expect(early.refused).toMatch(format === 'arrow' ? /^in its header: / : /^line 1: /);
  });
});

/** Where each record ends. */
async function endsOf(
  bytes: Buffer,
  format: LogFormat,
): Promise<{ readonly record: StoredRecord; readonly end: number }[]> {
  let end = 0;
  const reader = readerOf(bytes);
  // Line by line, or as much as the reader of messages takes.
  const lines = bytes.toString('latin1').split(/(?<=\n)/);
  reader.some = async () => {
    const line = Buffer.from(lines.shift() ?? '', 'latin1');
    end += line.length;
    return line;
  };
  const take = reader.take.bind(reader);
  reader.take = async (wanted) => {
    const taken = await take(wanted);
    end += taken.length;
    return taken;
  };
  const ends: { record: StoredRecord; end: number }[] = [];
  for await (const record of recordsFrom(reader, format)) ends.push({ record, end });
  return ends;
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

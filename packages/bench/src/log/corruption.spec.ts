import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Columns, InputError, machineOf } from '@decpool/model';
import { type ColumnName, NUMBER_COLUMNS, RULES_REVISION } from '@decpool/model/internal';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../rerun/replay.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import { readLog } from './read.ts';
import { foldBytes, type Outcome, type Run, shortRun, writeLog } from './testing.ts';

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bytesOf(run: Run, format: LogFormat, keyframeEvents = 8): Promise<Buffer> {
  const path = join(folder, `made${LOG_FORMATS[format]}`);
  await writeLog(path, format, run, { keyframeEvents });
  return readFileSync(path);
}

/** State hashes of a run by the events before them, wherever a segment of its log ends. */
function hashesOf(run: Run): ReadonlyMap<number, string> {
  const columns = new Columns(machineOf(run.header), run.header.memory.directMap);
  const hashes = new Map([[0, columns.hash()]]);
  for (const batch of run.batches) {
    columns.fold(batch);
    hashes.set(columns.counters.events, columns.hash());
  }
  return hashes;
}

/** Where in a log a refusal says the damage is. */
const PLACE =
  /^(line \d+: |in its header: |after \d+ events: |event \d+\b|events \d+ to \d+: several |the header or the checkpoint after event \d+ |the keyframe after event \d+ |the seal or the header |the trailer |(checkpoint|keyframe|seal|trailer) after event \d+|ends inside its header; |is empty; |data after the end of the Arrow stream)/;

/**
 * A damaged log is refused with the place of the damage, or comes to the state of its run, or passes for one that was cut off where a
 * segment ends: never for a whole log with another state.
 */
async function expectHonest(
  damaged: Uint8Array,
  run: Run,
  hashes: ReadonlyMap<number, string>,
  what: string,
) {
  let outcome: Outcome;
  try {
    outcome = await foldBytes(damaged);
  } catch (error) {
    if (!(error instanceof InputError)) throw new Error(`${what}: ${String(error)}`, { cause: error });
    expect(error.message, what).toMatch(PLACE);
    return 'refused';
  }
  expect(outcome.stateHash, what).toBe(hashes.get(outcome.events));
  if (outcome.seal === undefined) return 'cut off';
  expect(outcome.events, what).toBe(run.events);
  return outcome.seal.stateHash === outcome.stateHash ? 'the same' : 'contradicted';
}

function tally(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe.each(FORMATS)('a small log as %s', (format) => {
  const run = shortRun();
  const hashes = hashesOf(run);
  let whole: Buffer;
  beforeAll(async () => {
    whole = await bytesOf(run, format);
  });

  it('has several segments, a keyframe and a seal', async () => {
    const path = join(folder, `small${LOG_FORMATS[format]}`);
    writeFileSync(path, whole);
    const kinds: string[] = [];
    for await (const { kind } of readLog(path)) kinds.push(kind);
    expect(kinds).toEqual(['header', 'batch', 'batch', 'keyframe', 'batch', 'batch', 'seal']);
    expect(await expectHonest(whole, run, hashes, 'whole')).toBe('the same');
  });

  it('is refused, or is what it was, or seems cut off, whichever of its bytes is another', async () => {
    const kinds: string[] = [];
    for (let at = 0; at < whole.length; at++) {
      // An Arrow log is twice as long, and its header is the same text.
      if (format === 'arrow' && at % 3 === 2) continue;
      const flip = at % 3 === 0 ? 0xff : 1 << (at % 8);
      const damaged = Buffer.from(whole);
      damaged[at] ^= flip;
      kinds.push(await expectHonest(damaged, run, hashes, `byte ${at} ^ ${flip}`));
    }
    const counts = tally(kinds);
    // All that nobody reads is padding, and what finds an altered event where none was altered.
    expect(counts['refused']).toBeGreaterThan(whole.length / 3);
    expect(counts['contradicted']).toBeGreaterThan(5);
    if (format === 'ndjson') expect(counts['the same']).toBeLessThan(120);
  });

  it('is refused, or seems cut off where a segment ends, wherever it was cut off', async () => {
    // The end-of-stream mark of Arrow may be missing, and the last line end of NDJSON.
    const shortest = whole.length - (format === 'arrow' ? 8 : 1);
    const kinds: string[] = [];
    for (let length = 0; length < shortest; length++) {
      // All of Arrow begins at multiples of 8 bytes.
      if (format === 'arrow' && length % 8 > 1 && length % 8 < 7) continue;
      if (format === 'ndjson' && length % 3 === 2 && whole[length] !== 10 && whole[length - 1] !== 10)
        continue;
      kinds.push(await expectHonest(whole.subarray(0, length), run, hashes, `${length} bytes`));
    }
    expect(Object.keys(tally(kinds)).sort()).toEqual(['cut off', 'refused']);
    const header = kinds.lastIndexOf('refused');
    expect(kinds.slice(0, header)).not.toContain('cut off');
    for (let length = shortest; length <= whole.length; length++) {
      expect(await expectHonest(whole.subarray(0, length), run, hashes, `${length} bytes`)).toMatch(
        /cut off|the same/,
      );
    }
  });

  it('is refused, or what it was, or seems cut off, when bytes are gone from it or too many', async () => {
    const anywhere = fc.nat(whole.length);
    await fc.assert(
      fc.asyncProperty(anywhere, anywhere, anywhere, async (from, to, into) => {
        const part = whole.subarray(Math.min(from, to), Math.max(from, to));
        const gone = Buffer.concat([
          whole.subarray(0, Math.min(from, to)),
          whole.subarray(Math.max(from, to)),
        ]);
        const twice = Buffer.concat([whole.subarray(0, into), part, whole.subarray(into)]);
        await expectHonest(gone, run, hashes, `without ${from} to ${to}`);
        await expectHonest(twice, run, hashes, `${from} to ${to} again at ${into}`);
      }),
      { numRuns: randomRuns(150) },
    );
  });

  it('names the file as well', async () => {
    const path = join(folder, `damaged${LOG_FORMATS[format]}`);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] ^= flip;
        writeFileSync(path, damaged);
        const result = await replay(path).catch((error: unknown) => error);
        if (!(result instanceof InputError)) {
          expect(result).toHaveProperty('stateHash', hashes.get((result as Outcome).events));
          return;
        }
        expect(result.message.slice(0, path.length + 2)).toBe(`${path}: `);
        expect(result.message.slice(path.length + 2)).toMatch(PLACE);
      }),
      { numRuns: randomRuns(60) },
    );
  });
});

const VERSION = `"schema":3,"rules":${RULES_REVISION}`;

describe('one altered event is named', () => {
  const run = shortRun(80, 64);
  let ndjson: Buffer;
  let arrow: Buffer;
  beforeAll(async () => {
    ndjson = await bytesOf(run, 'ndjson', 100);
    arrow = await bytesOf(run, 'arrow', 100);
  });

  const refusal = async (bytes: Uint8Array): Promise<string> => {
    const result = await foldBytes(bytes).catch((error: unknown) => error);
    expect(result).toBeInstanceOf(InputError);
    return (result as InputError).message;
  };

  it('whichever number of its line it is', async () => {
    const lines = ndjson.toString().split('\n');
    const events = [...lines.keys()].filter((line) => lines[line].startsWith('{"seq"'));
    expect(events.length).toBe(run.events);
    const changes = fc.record({
      seq: fc.nat(run.events - 1),
      number: fc.nat(),
      by: fc.integer({ min: 1, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(changes, async ({ seq, number, by }) => {
        const line = lines[events[seq]];
        // Not the first, which is its place in the log, and none that stands for a name.
        const numbers = [...line.matchAll(/"(\w+)":(\d+)/g)].slice(1).filter(([, key]) => key !== 'level');
        const { 0: field, 1: key, 2: digits, index } = numbers[number % numbers.length];
        const other = `"${key}":${Number(digits) + by}`;
        const altered = `${line.slice(0, index)}${other}${line.slice(index + field.length)}`;
        const copy = [...lines];
        copy[events[seq]] = altered;
        expect(await refusal(Buffer.from(copy.join('\n')))).toMatch(
          new RegExp(`^event ${seq} was altered after .* its segment \\(events \\d+ to \\d+\\)`),
        );
      }),
      { numRuns: randomRuns(80) },
    );
  });

  /** Where the columns of each segment begin in the Arrow log, and the number of the segment's first event. */
  function columnsIn(log: Buffer) {
    const places: { firstSeq: number; rows: number; starts: ReadonlyMap<ColumnName, number> }[] = [];
    let at = 0;
    for (const batch of run.batches) {
      const starts = new Map<ColumnName, number>();
      // Behind the metadata, each column from a multiple of 8 bytes on.
      let start = log.indexOf(Buffer.from(batch.column('type').buffer), at);
      for (const name of NUMBER_COLUMNS) {
        const column = batch.column(name);
        expect(log.subarray(start, start + column.byteLength)).toEqual(Buffer.from(column.buffer));
        starts.set(name, start);
        start += Math.ceil(column.byteLength / 8) * 8;
      }
      places.push({ firstSeq: batch.firstSeq, rows: batch.length, starts });
      at = start;
    }
    return places;
  }

  it('whichever bit of its columns it is', async () => {
    const places = columnsIn(arrow);
    const changes = fc.record({
      seq: fc.nat(run.events - 1),
      name: fc.constantFrom(...NUMBER_COLUMNS),
      bit: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(changes, async ({ seq, name, bit }) => {
        const place = places.findLast(({ firstSeq }) => firstSeq <= seq)!;
        const size = run.batches[0].column(name).BYTES_PER_ELEMENT;
        const at = place.starts.get(name)! + (seq - place.firstSeq) * size + ((bit >>> 3) % size);
        const damaged = Buffer.from(arrow);
        damaged[at] ^= 1 << (bit % 8);
        const message = await refusal(damaged);
        if (message.startsWith('event'))
          expect(message).toMatch(new RegExp(`^event ${seq} was altered after`));
        // A type, a code or attributes that no event has.
        else expect(message).toMatch(new RegExp(`^after ${place.firstSeq} events: event ${seq}(:| \\()`));
      }),
      { numRuns: randomRuns(120) },
    );
  });

  it.each(FORMATS)('when it is a name, as %s', async (format) => {
    const damaged = Buffer.from(format === 'arrow' ? arrow : ndjson);
    const name = damaged.indexOf('receive buffer');
    damaged[name] = 'R'.charCodeAt(0);
    const seq = run.batches
      .flatMap((batch) => [...batch])
      .find((event) => 'name' in event && event.owner === 2)!.seq;
    expect(await refusal(damaged)).toContain(`event ${seq} was altered`);
  });

  it('and several are said to be several, in the segment that they are in', async () => {
    const lines = ndjson.toString().split('\n');
    const altered = lines.map((line) => line.replace(/^\{"seq":(7\d),"time":0/, '{"seq":$1,"time":1'));
    expect(altered).not.toEqual(lines);
    expect(await refusal(Buffer.from(altered.join('\n')))).toMatch(
      /^events 64 to 127: several of them, or the checkpoint after them, were altered/,
    );
  });

  it('and neither is the header taken for an event, nor a checkpoint', async () => {
    const text = ndjson.toString();
    for (const changed of [
      text.replace('"seed":1', '"seed":2'),
      text.replace(
        /("checkpoint":.*"chain":")(.)/,
        (_, before, digit) => `${before}${digit === '0' ? '1' : '0'}`,
      ),
    ]) {
      expect(changed).not.toBe(text);
      expect(await refusal(Buffer.from(changed))).toMatch(
        /^the header or the checkpoint after event 63 was altered/,
      );
    }
    const seal = text.lastIndexOf('"chain":"') + 9;
    const digit = text[seal] === '0' ? '1' : '0';
    const resealed = `${text.slice(0, seal)}${digit}${text.slice(seal + 1)}`;
    expect(await refusal(Buffer.from(resealed))).toMatch(/^the seal or the header was altered/);
  });

  it('and a log made one of version 1, which has no content hashes, is not believed', async () => {
    const text = ndjson.toString().replace(VERSION, '"schema":1');
    expect(await refusal(Buffer.from(text))).toMatch(/^line \d+: unexpected checkpoint: schema version 1/);
    const old = Buffer.from(arrow);
    old.write('"schema":1'.padEnd(VERSION.length), old.indexOf(VERSION));
    expect(await refusal(old)).toMatch(/^after 0 events: unexpected checkpoint: schema version 1/);
  });

  it('and a checkpoint that is gone is missed', async () => {
    const lines = ndjson.toString().split('\n');
    const first = lines.findIndex((line) => line.startsWith('{"checkpoint":{"events":64,'));
    const gone = lines.filter((_, line) => line !== first).join('\n');
    expect(await refusal(Buffer.from(gone))).toMatch(/^events 0 to 127: several of them, or the checkpoint/);
  });

  it('as are all of them, for who wants to read on', async () => {
    const path = join(folder, 'several.ndjson');
    const lines = ndjson.toString().split('\n');
    const altered = lines.map((line) =>
      line.replace(/^\{"seq":(70|130|131|299),"time":0/, '{"seq":$1,"time":9'),
    );
    writeFileSync(path, altered.join('\n'));
    const found: string[] = [];
    let events = 0;
    for await (const part of readLog(path, { onBroken: (what) => found.push(what) })) {
      if (part.kind === 'batch') events += part.batch.length;
    }
    expect(events).toBe(run.events);
    expect(found).toEqual([
      expect.stringMatching(/^event 70 was altered/),
      expect.stringMatching(/^events 128 to 191: several/),
      expect.stringMatching(/^event 299 was altered/),
    ]);
  });
});

describe('whatever is read as a log', () => {
  const runs = [shortRun(), shortRun(2, 3)];
  const logs: Buffer[] = [];
  const headers: Buffer[] = [];
  beforeAll(async () => {
    for (const format of FORMATS) {
      for (const run of runs) {
        const log = await bytesOf(run, format, 5);
        logs.push(log);
        headers.push(log.subarray(0, format === 'arrow' ? 8 + log.readInt32LE(4) : log.indexOf('\n') + 1));
      }
    }
  });

  /** An InputError, or a log: and if it is sealed, its state is that of its seal. */
  async function expectRead(bytes: Uint8Array): Promise<'refused' | 'read'> {
    let outcome: Outcome;
    try {
      outcome = await foldBytes(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message).toMatch(PLACE);
      return 'refused';
    }
    if (outcome.seal !== undefined) expect(outcome.stateHash).toBe(outcome.seal.stateHash);
    return 'read';
  }

  it('is an InputError when it is random bytes', async () => {
    const start = fc.constantFrom([], [0xff, 0xff, 0xff, 0xff], [0x7b], [0x7b, 0x22]);
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ minLength: 1, maxLength: 300 }), async (first, bytes) => {
        expect(await expectRead(Uint8Array.from([...first, ...bytes]))).toBe('refused');
      }),
      { numRuns: randomRuns(200) },
    );
  });

  it('is refused, or seems cut off, when random bytes follow a header', async () => {
    const small = fc.constantFrom(0, 1, 8, 16, 0x7b, 0x22, 0xff, 0x0a);
    const bytes = fc.array(fc.oneof(small, fc.nat(255)), { maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.boolean(), bytes, async (which, isMessage, rest) => {
        const prefix = isMessage ? [0xff, 0xff, 0xff, 0xff] : [];
        await expectRead(Buffer.concat([headers[which], Uint8Array.from([...prefix, ...rest])]));
      }),
      { numRuns: randomRuns(200) },
    );
  });

  it('is refused, or a log, when parts of logs were put together', async () => {
    const part = fc.record({ which: fc.nat(3), from: fc.nat(), length: fc.nat(3000) });
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.nat(), fc.array(part, { maxLength: 4 }), async (which, end, parts) => {
        const splices = parts.map(({ which: from, from: at, length }) =>
          logs[from].subarray(at % logs[from].length, (at % logs[from].length) + length),
        );
        const start = logs[which].subarray(0, end % logs[which].length);
        await expectRead(Buffer.concat([start.length === 0 ? logs[which] : start, ...splices]));
      }),
      { numRuns: randomRuns(200) },
    );
  });

  it('is refused, or a log, when whole lines of logs were put together', async () => {
    const lines = logs.slice(2).flatMap((log) => log.toString().split('\n').slice(0, -1));
    const isNdjson = lines.every((line) => line.startsWith('{'));
    expect(isNdjson).toBe(true);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...lines), { maxLength: 10 }),
        fc.nat(5),
        async (some, kept) => {
          const text = [...lines.slice(0, 1 + kept * 4), ...some].join('\n');
          await expectRead(Buffer.from(`${text}\n`));
        },
      ),
      { numRuns: randomRuns(120) },
    );
  });
});

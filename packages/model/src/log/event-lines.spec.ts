import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../errors.ts';
import { EventBatch, EventRows } from '../events/batch.ts';
import { allocateColumns } from '../events/columns.ts';
import { eventAt, KNOWN_CODES } from '../events/objects.ts';
import { EVENT_TYPES, fieldsOf, type PoolEvent, TYPE } from '../events/schema.ts';
import { attributesOf, GFP } from '../requests.ts';
import { batchOf, EXAMPLE_EVENTS, historyOf, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { appendEventLine } from './read-event-lines.ts';
import { encodeEventLines } from './write-event-lines.ts';

const textOf = (bytes: Uint8Array) =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
const bytesOf = (text: string) => new TextEncoder().encode(text);
const lineOf = (event: PoolEvent) => `${JSON.stringify(event)}\n`;

/** The examples as a log has them: with the fields in its order. */
const WRITTEN = [...batchOf(EXAMPLE_EVENTS)];
const HISTORY = historyOf(smallMachine('snp', true), SMALL_MAP, someChoices(600));
const isPlain = ({ type }: PoolEvent) => type !== 'owner-registered';

/** Rows as nobody checks them: any codes, any attributes. */
const rows = fc.record({
  type: fc.nat(EVENT_TYPES.length - 1),
  code: fc.oneof(fc.nat(9), fc.nat(255)),
  owner: fc.nat(0xffff),
  request: fc.nat(0xffffffff),
  allocation: fc.nat(0xffffffff),
  pfn: fc.oneof(fc.nat(0xff), fc.nat(0x3f0fff), fc.nat(0xffffffff)),
  pages: fc.nat(0xffffffff),
  bytes: fc.nat(0xffffffff),
  time: fc.oneof(fc.maxSafeNat(), fc.constantFrom(-0, 0.5, -7, 1e21, 2 ** 53, Number.NaN)),
});

/** An event of each type and code, without those that have a name; and of requests, one with each set of flags. */
const OF_ALL_CODES = KNOWN_CODES.flatMap((codes, type) => {
  const columns = allocateColumns(1);
  columns.type[0] = type;
  const hasFlags = 'gfp' in fieldsOf(EVENT_TYPES[type]);
  const flags = hasFlags ? Object.values(GFP).reduce((all, flag) => all | flag, 0) : 0;
  const events: PoolEvent[] = [];
  for (const code of codes.keys()) {
    if (!codes[code]) continue;
    columns.code[0] = code;
    for (let gfp = 0; gfp <= flags; gfp++) {
      columns.pfn[0] = attributesOf({ gfp, cpu: hasFlags ? 255 : 0 });
      events.push(eventAt(columns, 0, 0));
    }
  }
  return events.filter(isPlain);
});

/** Attributes that were in no line yet: their texts are kept for as long as the process lives. */
const freshAttributes = () => {
  const { align, node, cpu } = { align: 2 ** (1 + (fresh % 12)), node: fresh % 63, cpu: fresh % 256 };
  fresh++;
  return { align, node, cpu };
};
let fresh = 0;

describe('writing lines', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('makes no text of an event, unless there is a name in it', () => {
    const events = [...WRITTEN, ...OF_ALL_CODES].filter(isPlain);
    const batch = batchOf(events);
    // The texts of attributes are kept.
    const lines = textOf(encodeEventLines(batch));
    const stringify = vi.spyOn(JSON, 'stringify');
    expect(textOf(encodeEventLines(batch))).toBe(lines);
    expect(stringify).not.toHaveBeenCalled();
  });

  it.each([
    ['the texts of attributes', 0, 1],
    ['no texts of attributes that no request has: a damaged log may have any', 128, 2],
  ])('keeps %s', (_, flags, times) => {
    const columns = allocateColumns(1);
    columns.type[0] = TYPE.allocationRequested;
    columns.pfn[0] = attributesOf({ ...freshAttributes(), gfp: flags });
    const batch = new EventBatch(columns, 1, 0);
    const line = lineOf(batch.at(0));
    const stringify = vi.spyOn(JSON, 'stringify');
    for (const lines of [encodeEventLines(batch), encodeEventLines(batch)]) expect(textOf(lines)).toBe(line);
    expect(stringify).toHaveBeenCalledTimes(times);
  });

  it('writes what JSON.stringify() writes, for every field of every type', () => {
    expect(textOf(encodeEventLines(batchOf(WRITTEN)))).toBe(WRITTEN.map(lineOf).join(''));
  });

  it('writes histories, wherever in the log they are', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 30), { maxLength: 100 }), fc.maxSafeNat(), (choices, far) => {
        const events = historyOf(smallMachine('snp', true), SMALL_MAP, choices);
        const firstSeq = Math.max(0, far - events.length);
        const moved = events.map((event, row) => ({ ...event, seq: firstSeq + row }));
        const batch = batchOf(moved, firstSeq);
        expect(textOf(encodeEventLines(batch))).toBe([...batch].map(lineOf).join(''));
      }),
      { numRuns: randomRuns(30) },
    );
  });

  it('writes any name', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (names) => {
        const batch = batchOf(names.map((name, owner) => ({ type: 'owner-registered', owner, name })));
        expect(textOf(encodeEventLines(batch))).toBe([...batch].map(lineOf).join(''));
      }),
    );
  });

  it('writes names that are halves of characters, or longer than there was room for', () => {
    const names = ['\ud800', 'x\udc00"', 'ü'.repeat(10_000), '\u0000'.repeat(5000), ''];
    const batch = batchOf(names.map((name, owner) => ({ type: 'owner-registered', owner, name })));
    expect(textOf(encodeEventLines(batch))).toBe([...batch].map(lineOf).join(''));
  });

  it('writes any row, also one that no event has', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 20 }), (told) => {
        const columns = allocateColumns(told.length);
        for (const [row, numbers] of told.entries()) {
          for (const [name, value] of Object.entries(numbers))
            columns[name as keyof typeof numbers][row] = value;
        }
        const batch = new EventBatch(columns, told.length, 0);
        expect(textOf(encodeEventLines(batch))).toBe([...batch].map(lineOf).join(''));
      }),
      { numRuns: randomRuns(1000) },
    );
  });

  it.each([
    ...[0, 9, 10, 99, 100, 999, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
    ...[2 ** 31, 2 ** 32 - 1, 2 ** 32, 1e15, 2 ** 53 - 1],
  ])('writes all digits of %d and of the numbers beside it', (number) => {
    for (const time of [number - 1, number, number + 1]) {
      const event = { type: 'object-freed', allocation: 1, time } as const;
      if (!Number.isSafeInteger(time) || time < 0) continue;
      const batch = batchOf([event as unknown as PoolEvent], time);
      expect(textOf(encodeEventLines(batch))).toBe(lineOf(batch.at(0)));
    }
  });

  it('writes into room that it is lent, and elsewhere where that is too short', () => {
    const batch = batchOf(WRITTEN);
    const expected = WRITTEN.map(lineOf).join('');
    for (const length of [0, 1, 1023, 1024, 3000, 100_000]) {
      const room = new Uint8Array(length + 7).subarray(7);
      const lines = encodeEventLines(batch, room);
      expect(textOf(lines)).toBe(expected);
      expect(lines.buffer === room.buffer).toBe(length === 100_000);
    }
  });

  it('writes nothing for no events', () => {
    expect(encodeEventLines(batchOf([]))).toHaveLength(0);
  });
});

/** What a line comes to: all bits of the rows, and the message that refuses it. */
interface Outcome {
  readonly message?: string;
  readonly rows: string;
}

/** Appends to rows that have one already, and looks at all that can be seen afterwards. */
function outcomeOf(append: (rows: EventRows) => void): Outcome {
  const rows = new EventRows(3);
  const [before] = HISTORY.filter(isPlain);
  rows.appendObject(before);
  let message: string | undefined;
  try {
    append(rows);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    message = error.message;
  }
  expect(rows.length).toBe(message === undefined ? 2 : 1);
  // Through append(), which leaves owner and bytes as they are: nothing may be left of a line that was refused.
  rows.append(TYPE.objectFreed, 1, 2, 3, 0, 0, 0);
  const { names, ...numbers } = rows.columns;
  const bits = Object.values(numbers).map((column) => Buffer.from(column.buffer).toString('hex'));
  return { ...(message === undefined ? {} : { message }), rows: [...bits, ...names.values()].join(';') };
}

/** What a line means, by definition. */
const general = (line: Uint8Array, seq: number) =>
  outcomeOf((rows) => {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(line).replace(/\r$/, '');
    let value: { seq?: unknown } | null;
    try {
      value = JSON.parse(text);
    } catch {
      throw new InputError(`not JSON: ${text.length > 60 ? `${text.slice(0, 60)}...` : text}`);
    }
    if (value?.seq !== seq) {
      throw new InputError(`'seq' is ${JSON.stringify(value?.seq)}; expected ${seq}, the next event`);
    }
    rows.appendObject(value);
  });

/** The line as it stands among others, of which nothing may be read: more digits, or the end that it lacks. */
const SURROUNDINGS = ['', '0', '1}', '}\n', '"}', '\n{"seq":0'] as const;

function fast(line: Uint8Array, seq: number, behind: string = SURROUNDINGS[0]): Outcome {
  const bytes = Uint8Array.from([...bytesOf('{"seq":1'), ...line, ...bytesOf(behind)]);
  return outcomeOf((rows) => appendEventLine(rows, bytes, 8, 8 + line.length, seq));
}

const LINES = WRITTEN.map((event) => ({
  seq: event.seq,
  text: JSON.stringify(event),
  bytes: bytesOf(JSON.stringify(event)),
}));

/** Smaller numbers as well: what is added to those of the examples makes most of them too large. */
const SMALL_LINES = [...batchOf(HISTORY.slice(0, 300))].map((event) => ({
  seq: event.seq,
  text: JSON.stringify(event),
}));

const TELLING_NUMBERS = [
  ...[
    '0',
    '-0',
    '00',
    '01',
    '007',
    '1.0',
    '1.5',
    '1e3',
    '1E0',
    '-1',
    '+1',
    '0x10',
    '.5',
    '1.',
    '1_0',
    '62',
    '63',
  ],
  ...['2', '3', '4', '24', '4096', '8192', '65535', '65536', '4294967295', '4294967296', '04294967295'],
  ...['999999999', '1000000000', '9007199254740991', '9007199254740992', '9007199254740993'],
  ...[
    '10000000000000000',
    '99999999999999999',
    '18446744073709551616',
    '9'.repeat(400),
    'null',
    'true',
    '"1"',
  ],
];
const TELLING_TEXTS = [
  ...[
    '"CMA"',
    '"Fixed"',
    '"alloc_pages"',
    '"alloc_pages_exact"',
    '"alloc_page"',
    '"\\u0043MA"',
    '""',
    '"a\\n"',
  ],
  ...['"GFP_KERNEL"', '"GFP_ATOMIC"', '"GFP_ATOMIC|GFP_ATOMIC"', '"__GFP_DMA32|GFP_ATOMIC"', '"GFP_USER"'],
  ...EVENT_TYPES.slice(0, 12).map((type) => `"${type}"`),
  ...['"constructor"', 'true', 'false', 'null', '7', '[]', '["CMA"]', '{}', '"ü"', '"\u2028"'],
];
const TELLING_fieldsOf = [
  ...[
    '"gfp":"GFP_ATOMIC"',
    '"gfp":"GFP_KERNEL|__GFP_DMA"',
    '"node":0',
    '"node":62',
    '"align":1',
    '"align":64',
  ],
  ...['"converted":true', '"converted":false', '"offset":0', '"offset":4294967295', '"owner":1', '"pages":1'],
  ...['"__proto__":1', '"x":1', '"seq":3', '"time":5', '"type":"object-freed"', '"trailer":{}'],
];

/** Replaces the piece that `index` picks of those that match. */
function replaced(text: string, pattern: RegExp, index: number, by: string): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index: at, 0: piece } = found[index % found.length];
  return text.slice(0, at) + by + text.slice(at + piece.length);
}

const fieldsIn = (text: string) => text.slice(1, -1).split(',');
const lineFrom = (fields: readonly string[]) => `{${fields.join(',')}}`;

/** Changes of a line that leave it a line of text, of which most mean something to JSON. */
const rewritings: fc.Arbitrary<(text: string) => string> = fc.oneof(
  fc.tuple(fc.nat(20), fc.constantFrom(...TELLING_NUMBERS)).map(
    ([index, by]) =>
      (text: string) =>
        replaced(text, /(?<=:)\d+/g, index, by),
  ),
  fc.tuple(fc.nat(20), fc.constantFrom(...TELLING_TEXTS)).map(
    ([index, by]) =>
      (text: string) =>
        replaced(text, /(?<=:)("[^"]*"|true)/g, index, by),
  ),
  fc.tuple(fc.nat(20), fc.constantFrom(...TELLING_fieldsOf)).map(([index, field]) => (text: string) => {
    const fields = fieldsIn(text);
    return lineFrom(fields.toSpliced(index % (fields.length + 1), 0, field));
  }),
  fc.tuple(fc.nat(20), fc.nat(20)).map(([index, other]) => (text: string) => {
    const fields = fieldsIn(text);
    const [a, b] = [index % fields.length, other % fields.length];
    return lineFrom(fields.with(a, fields[b]).with(b, fields[a]));
  }),
  fc.nat(20).map((index) => (text: string) => {
    const fields = fieldsIn(text);
    return lineFrom(fields.toSpliced(index % fields.length, 1));
  }),
  fc.nat(20).map((index) => (text: string) => {
    const fields = fieldsIn(text);
    return lineFrom([...fields, fields[index % fields.length]]);
  }),
  fc.tuple(fc.nat(60), fc.constantFrom(' ', '\t', '\r', '  ', '\ufeff', '\u00a0')).map(
    ([index, space]) =>
      (text: string) =>
        replaced(text, /(?=[{}:,])|$/g, index, space),
  ),
);

/** Changes of single bytes, whatever comes of it. */
const damages: fc.Arbitrary<(line: number[]) => number[]> = fc.oneof(
  fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 255 })).map(
    ([at, bits]) =>
      (line: number[]) =>
        line.with(at % line.length, line[at % line.length] ^ bits),
  ),
  fc.tuple(fc.nat(200), fc.oneof(fc.nat(255), fc.constantFrom(...bytesOf('0123456789-+.eE"\\,:{} \r')))).map(
    ([at, byte]) =>
      (line: number[]) =>
        line.toSpliced(at % (line.length + 1), 0, byte),
  ),
  fc.nat(200).map((at) => (line: number[]) => line.toSpliced(at % line.length, 1)),
  fc.tuple(fc.nat(200), fc.nat(200)).map(([at, to]) => (line: number[]) => {
    const [a, b] = [at % line.length, to % line.length];
    return line.with(a, line[b]).with(b, line[a]);
  }),
  fc
    .nat(200)
    .map((at) => (line: number[]) => (at % line.length === 0 ? line : line.slice(0, at % line.length))),
);

describe('reading lines', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('reads what it has written to the same events', () => {
    for (const events of [WRITTEN, HISTORY]) {
      const bytes = encodeEventLines(batchOf(events));
      const rows = new EventRows(events.length);
      let from = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
        appendEventLine(rows, bytes, from, end, rows.length);
        from = end + 1;
      }
      expect([...rows.seal(0)]).toEqual(events);
    }
  });

  it('makes no object of such a line, unless there is a name in it', () => {
    const parse = vi.spyOn(JSON, 'parse');
    const lines = [...WRITTEN, ...batchOf(HISTORY)].filter(isPlain);
    for (const event of lines) {
      const line = bytesOf(JSON.stringify(event));
      appendEventLine(new EventRows(1), line, 0, line.length, event.seq);
    }
    expect(parse).not.toHaveBeenCalled();
  });

  it('takes the largest numbers without making an object, and none that is larger', () => {
    const most: Readonly<Record<string, number>> = {
      seq: Number.MAX_SAFE_INTEGER,
      time: Number.MAX_SAFE_INTEGER,
      request: 2 ** 32 - 1,
    };
    const parse = vi.spyOn(JSON, 'parse');
    const seen = new Set<string>();
    for (const event of OF_ALL_CODES) {
      const largest: Record<string, unknown> = { ...event };
      for (const name of Object.keys(event)) {
        const { kind, max } = fieldsOf(event.type)[name] ?? { kind: 'number', max: most[name] };
        if (kind.endsWith('number') && name !== 'type') largest[name] = max;
      }
      const line = bytesOf(JSON.stringify(largest));
      const rows = new EventRows(1);
      parse.mockClear();
      appendEventLine(rows, line, 0, line.length, Number.MAX_SAFE_INTEGER);
      expect(parse).not.toHaveBeenCalled();
      expect({ ...rows.seal(Number.MAX_SAFE_INTEGER).at(0) }).toEqual(largest);
      const fields = Object.keys(event).join();
      if (seen.has(fields)) continue;
      seen.add(fields);
      for (const [name, number] of Object.entries(largest)) {
        if (typeof number !== 'number' || number < 255) continue;
        const larger = bytesOf(JSON.stringify({ ...largest, [name]: number + 1 }));
        expect(fast(larger, Number.MAX_SAFE_INTEGER)).toEqual(general(larger, Number.MAX_SAFE_INTEGER));
      }
    }
  });

  it('takes numbers of any length without making an object', () => {
    const parse = vi.spyOn(JSON, 'parse');
    for (let digits = 1; digits < 16; digits++) {
      for (const time of [
        10 ** digits - 1,
        10 ** digits,
        10 ** digits + 1,
        1234567890123456 % 10 ** digits,
      ]) {
        const line = bytesOf(`{"seq":0,"time":${time},"request":0,"type":"object-freed","allocation":1}`);
        const rows = new EventRows(1);
        appendEventLine(rows, line, 0, line.length, 0);
        expect(rows.seal(0).timeAt(0)).toBe(time);
      }
    }
    expect(parse).not.toHaveBeenCalled();
  });

  it('refuses a line without its beginning, also behind the whole line, wherever in the buffer', () => {
    for (const { text: written } of [LINES[1], LINES[2], LINES[LINES.length - 1]]) {
      const text = written.replace(/"seq":\d+/, '"seq":0');
      const whole = general(bytesOf(text), 0);
      for (const { index } of text.matchAll(/(?<=:)|,/g)) {
        const rest = text.slice(index);
        for (const from of [0, 1]) {
          expect(fast(bytesOf(text), 0)).toEqual(whole);
          const bytes = bytesOf('x'.repeat(from) + rest);
          const refused = outcomeOf((rows) => appendEventLine(rows, bytes, from, bytes.length, 0));
          expect(refused).toEqual(general(bytesOf(rest), 0));
        }
      }
    }
  });

  it('takes a carriage return at the end of a line, and no more than one for nothing', () => {
    const [, { bytes, seq }] = LINES;
    const parse = vi.spyOn(JSON, 'parse');
    expect(fast(Uint8Array.from([...bytes, 13]), seq)).toEqual(general(bytes, seq));
    expect(parse).toHaveBeenCalledTimes(1);
    for (const line of ['\r', '\r\r', '', '{\r', `${LINES[1].text}\r\r`]) {
      expect(fast(bytesOf(line), seq)).toEqual(general(bytesOf(line), seq));
    }
  });

  it.each([
    ['{"seq":1', 'not JSON: {"seq":1'],
    [`{"seq":0,"time":0,${' '.repeat(60)}`, `not JSON: {"seq":0,"time":0,${' '.repeat(42)}...`],
    ['null', "'seq' is undefined; expected 0"],
    ['{"seq":7,"time":0,"request":0,"type":"object-freed","allocation":1}', "'seq' is 7; expected 0"],
    [
      '{"seq":0,"time":0,"request":0,"type":"owner-registered","owner":0,"name":7}',
      "'name' must be a string",
    ],
    ['{"seq":0,"time":0,"request":0,"type":"object-freed","allocation":4294967296}', "'allocation' must be"],
    [
      '{"seq":0,"time":0,"request":0,"type":"object-free","allocation":1}',
      "unknown event type 'object-free'. Did you mean 'object-freed'",
    ],
  ])('refuses %s', (line, message) => {
    expect(fast(bytesOf(line), 0).message).toContain(message);
  });

  it('shows 60 characters of what is no JSON', () => {
    const x = (count: number) => 'x'.repeat(count);
    for (const count of [1, 60]) expect(fast(bytesOf(x(count)), 0).message).toBe(`not JSON: ${x(count)}`);
    expect(fast(bytesOf(x(61)), 0).message).toBe(`not JSON: ${x(60)}...`);
  });

  it('takes no other byte for a digit, in the first nine places of a number and behind them', () => {
    for (const { text, seq } of LINES.slice(0, 12)) {
      for (const number of [
        '/',
        ':',
        '1/',
        '1:',
        '12345678:',
        '123456789/',
        '123456789:',
        '1234567890123456:',
      ]) {
        for (let index = 1; index < 5; index++) {
          const line = bytesOf(replaced(text, /(?<=:)\d+/g, index, number));
          expect(fast(line, seq)).toEqual(general(line, seq));
        }
      }
    }
  });

  it('takes no other text for a type', () => {
    for (const { text, seq } of LINES) {
      for (const other of ['x', '1']) {
        const inner = (type: string) => [other.repeat(type.length), `${type.slice(0, -1)}${other}`];
        const [, type] = /"type":"([^"]*)"/.exec(text)!;
        for (const name of inner(type)) {
          const line = bytesOf(text.replace(`"${type}"`, `"${name}"`));
          expect(fast(line, seq)).toEqual(general(line, seq));
        }
      }
    }
  });

  it('reads every line with one byte changed, left out or put in as JSON.parse() and appendObject() do', () => {
    const differing: string[] = [];
    // Each place of each line in the long tests, else every fourth, from another one in each line.
    const stride = 4 / randomRuns(4);
    for (const [index, { bytes, seq }] of LINES.entries()) {
      for (let at = index % stride; at <= bytes.length; at += stride) {
        for (const put of ['', '0', '}']) {
          for (const after of put === '' ? [at + 1] : [at, at + 1]) {
            const line = Uint8Array.from([
              ...bytes.subarray(0, at),
              ...bytesOf(put),
              ...bytes.subarray(after),
            ]);
            const [found, meant] = [fast(line, seq), general(line, seq)];
            if (found.message !== meant.message || found.rows !== meant.rows) differing.push(textOf(line));
          }
        }
      }
    }
    expect(differing).toEqual([]);
  });

  it('reads rewritten lines as JSON.parse() and appendObject() do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...LINES, ...SMALL_LINES),
        fc.array(rewritings, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...SURROUNDINGS),
        fc.constantFrom(0, 0, 0, 0, 1, -0),
        ({ text, seq }, changes, behind, ahead) => {
          const line = bytesOf(changes.reduce((changed, change) => change(changed), text));
          expect(fast(line, seq + ahead, behind)).toEqual(general(line, seq + ahead));
        },
      ),
      { numRuns: randomRuns(4000) },
    );
  });

  it('reads damaged lines as JSON.parse() and appendObject() do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...LINES, ...SMALL_LINES),
        fc.array(damages, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...SURROUNDINGS),
        ({ text, seq }, changes, behind) => {
          const line = Uint8Array.from(
            changes.reduce(
              (changed, change) => (changed.length === 0 ? changed : change(changed)),
              [...bytesOf(text)],
            ),
          );
          expect(fast(line, seq, behind)).toEqual(general(line, seq));
        },
      ),
      { numRuns: randomRuns(4000) },
    );
  });
});

it('the fields of a type are listed in the order in which its events have them', () => {
  for (const [type, codes] of KNOWN_CODES.entries()) {
    for (const code of codes.keys()) {
      const columns = allocateColumns(1);
      columns.type[0] = type;
      columns.code[0] = code;
      columns.pfn[0] = 0x010101;
      const told = Object.keys(eventAt(columns, 0, 0)).slice(4);
      const listed = Object.keys(fieldsOf(EVENT_TYPES[type]));
      expect(listed.filter((field) => told.includes(field))).toEqual(told.filter((f) => listed.includes(f)));
    }
  }
});

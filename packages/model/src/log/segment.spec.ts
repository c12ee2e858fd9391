import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, EventBatch } from '../events/batch.ts';
import { allocateColumns, type ColumnName, NUMBER_COLUMNS } from '../events/columns.ts';
import { TYPE } from '../events/schema.ts';
import { batchOf, EXAMPLE_EVENTS, historyOf, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { alteredRow, locatorOf, segmentBytes } from './segment.ts';

/** Any rows: a locator does not ask whether they are events. Always the same ones for a length and a seed. */
function anyBatch(length: number, seed: number): EventBatch {
  const columns = allocateColumns(length);
  const numbers = someChoices(length * NUMBER_COLUMNS.length);
  for (const [index, name] of NUMBER_COLUMNS.entries()) {
    for (let row = 0; row < length; row++) {
      // Few different ones, as in a log: neighbours are often alike.
      columns[name][row] = (numbers[row * NUMBER_COLUMNS.length + index] ^ seed) % 7;
    }
  }
  for (let row = 0; row < length; row++) {
    if (columns.type[row] === TYPE.ownerRegistered) columns.names.set(row, `owner ${row % 3}`);
  }
  return new EventBatch(columns, length, 0);
}

/** The batch with some rows changed. */
function changed(
  batch: EventBatch,
  change: (columns: ReturnType<typeof allocateColumns>) => void,
): EventBatch {
  const columns = allocateColumns(batch.length);
  for (const name of NUMBER_COLUMNS) columns[name].set(batch.column(name));
  for (const [row, name] of batch.names()) columns.names.set(row, name);
  change(columns);
  return new EventBatch(columns, batch.length, batch.firstSeq);
}

const lengths = fc.integer({ min: 1, max: 600 });
/** A column of numbers, or the name of a row, and which bit of it is flipped. */
const alterations = fc.record({
  at: fc.nat(),
  field: fc.constantFrom(...NUMBER_COLUMNS, 'name' as const),
  bit: fc.nat(),
});
type Alteration = { readonly at: number; readonly field: ColumnName | 'name'; readonly bit: number };

/** Alters a row in one field; gives the row. */
function alter(
  columns: ReturnType<typeof allocateColumns>,
  length: number,
  { at, field, bit }: Alteration,
): number {
  const row = at % length;
  if (field === 'name') {
    columns.names.set(row, `${columns.names.get(row) ?? ''}${String.fromCharCode(bit % 0x800)}`);
    return row;
  }
  const { buffer, BYTES_PER_ELEMENT } = columns[field];
  const bits = bit % (BYTES_PER_ELEMENT * 8);
  new Uint8Array(buffer)[row * BYTES_PER_ELEMENT + (bits >>> 3)] ^= 1 << (bits & 7);
  return row;
}

describe('a locator', () => {
  it('names the one row that was altered, whichever it is and in whatever field', () => {
    fc.assert(
      fc.property(lengths, fc.nat(2 ** 30), alterations, (length, seed, alteration) => {
        const batch = anyBatch(length, seed);
        let row = -1;
        const other = changed(batch, (columns) => {
          row = alter(columns, length, alteration);
        });
        expect(alteredRow(other, locatorOf(batch))).toBe(row);
        expect(alteredRow(batch, locatorOf(other))).toBe(row);
      }),
      { numRuns: 1000 },
    );
  });

  it('names every row of segments around each power of two', () => {
    for (const length of [1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129]) {
      const batch = anyBatch(length, length);
      const locator = locatorOf(batch);
      const named = Array.from({ length }, (_, row) =>
        alteredRow(
          changed(batch, (columns) => void columns.pages[row]++),
          locator,
        ),
      );
      expect(named).toEqual([...new Array(length).keys()]);
    }
  });

  it('finds nothing in what it was made of', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), fc.nat(2 ** 30), (length, seed) => {
        const batch = anyBatch(length, seed);
        expect(
          alteredRow(
            changed(batch, () => {}),
            locatorOf(batch),
          ),
        ).toBe('none');
      }),
      { numRuns: 200 },
    );
  });

  it('takes two altered rows for several, and more of them never for none', () => {
    const several = fc.array(alterations, { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(2 ** 30), several, (length, seed, alterations) => {
        const batch = anyBatch(length, seed);
        const other = changed(batch, (columns) => {
          for (const alteration of alterations) alter(columns, length, alteration);
        });
        const differ = [...new Array(length).keys()].filter(
          (row) => Buffer.compare(joined(batch.slice(row, row + 1)), joined(other.slice(row, row + 1))) !== 0,
        );
        const found = alteredRow(other, locatorOf(batch));
        if (differ.length === 0) expect(found).toBe('none');
        else if (differ.length === 1) expect(found).toBe(differ[0]);
        else if (differ.length === 2) expect(found).toBe('several');
        else expect(found).not.toBe('none');
      }),
      { numRuns: 1000 },
    );
  });

  it('tells rows that changed their places, and that the same was done to two', () => {
    const batch = anyBatch(100, 1);
    const swapped = changed(batch, (columns) => {
      const [a, b] = [columns.pfn[3], columns.pfn[70]];
      columns.pfn[3] = b + 10;
      columns.pfn[70] = a + 10;
    });
    expect(alteredRow(swapped, locatorOf(batch))).toBe('several');
    const alike = anyBatch(64, 0);
    const twins = changed(alike, (columns) => {
      for (const name of NUMBER_COLUMNS) columns[name].fill(1);
      columns.names.clear();
    });
    // Their hashes change alike, so all of them together do not.
    const both = changed(twins, (columns) => {
      columns.pages[5] = 9;
      columns.pages[40] = 9;
    });
    expect(alteredRow(both, locatorOf(twins))).toBe('several');
  });

  it('of a segment of another length says nothing of any row', () => {
    const batch = anyBatch(100, 5);
    expect(alteredRow(batch.slice(0, 50), locatorOf(batch))).toBe('several');
    expect(alteredRow(batch, '')).toBe('several');
    expect(alteredRow(anyBatch(0, 0), locatorOf(anyBatch(0, 0)))).toBe('none');
  });

  it('has a word for all and one for each bit of a row, up to the longest segment there is', () => {
    const words = (length: number) => locatorOf(anyBatch(length, 3)).length / 8;
    expect([0, 1, 2, 3, 4, 5, 1024, 1025].map(words)).toEqual([1, 1, 2, 3, 3, 4, 11, 12]);
    expect(words(2 ** 16)).toBe(17);
  });

  it('is the same for a part of a batch and a batch of that part', () => {
    const events = historyOf(smallMachine('snp', true), SMALL_MAP, someChoices(200));
    const part = batchOf(events).slice(30, 111);
    expect(locatorOf(part)).toBe(locatorOf(batchOf(events.slice(30, 111), 30)));
    expect(joined(part)).toEqual(joined(batchOf(events.slice(30, 111), 30)));
  });
});

describe('the hash of an event', () => {
  const mask = 0xffffffffn;
  const times = (a: bigint, b: bigint) => (a * b) & mask;
  const rotated = (a: bigint, bits: bigint) => ((a << bits) | (a >> (32n - bits))) & mask;
  /** A round of MurmurHash3_x86_32, and its finalizer, as Austin Appleby wrote them. */
  const round = (hash: bigint, word: number) => {
    const k = times(rotated(times(BigInt(word), 0xcc9e2d51n), 15n), 0x1b873593n);
    return (times(rotated(hash ^ k, 13n), 5n) + 0xe6546b64n) & mask;
  };
  const end = (hash: bigint) => {
    let h = times(hash ^ (hash >> 16n), 0x85ebca6bn);
    h = times(h ^ (h >> 13n), 0xc2b2ae35n);
    return h ^ (h >> 16n);
  };

  it('is MurmurHash3 of its fields, then of its name, in every version: logs hold locators', () => {
    for (const batch of [batchOf(EXAMPLE_EVENTS), anyBatch(100, 7)]) {
      for (let row = 0; row < batch.length; row++) {
        const time = batch.timeAt(row);
        const words = new Uint32Array(Float64Array.of(time).buffer);
        const first = batch.typeAt(row) + batch.codeAt(row) * 2 ** 8 + batch.ownerAt(row) * 2 ** 16;
        const fields = [
          first,
          batch.requestAt(row),
          batch.allocationAt(row),
          batch.pfnAt(row),
          batch.pagesAt(row),
          batch.bytesAt(row),
          words[0],
          words[1],
        ];
        let hash = end(fields.reduce(round, 0x9e3779b9n));
        const name = columnsOf(batch).names.get(row);
        if (name !== undefined)
          hash = end(
            [...Array(name.length).keys()].reduce((sum, at) => round(sum, name.charCodeAt(at)), hash),
          );
        expect(locatorOf(batch.slice(row, row + 1))).toBe(hash.toString(16).padStart(8, '0'));
      }
    }
  });
});

const joined = (batch: EventBatch): Buffer => Buffer.concat(segmentBytes(batch));

describe('the canonical bytes of a segment', () => {
  it('differ for whatever field of whatever event differs', () => {
    const batch = batchOf(EXAMPLE_EVENTS);
    fc.assert(
      fc.property(alterations, (alteration) => {
        const other = changed(batch, (columns) => void alter(columns, batch.length, alteration));
        expect(Buffer.compare(joined(other), joined(batch))).not.toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('are 32 a row, and those of its names', () => {
    const events = EXAMPLE_EVENTS.filter((event) => event.type === 'owner-registered');
    const [{ name }] = events as readonly { readonly name: string }[];
    expect(joined(batchOf(events)).length).toBe(32 + 8 + Buffer.byteLength(name));
    expect(columnsOf(batchOf(events)).names.size).toBe(1);
  });
});

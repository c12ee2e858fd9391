/** The parts of a log in memory: records made by hand, whole, altered and torn. */
import { type Checkpoint, type EventBatch, InputError, type Keyframe } from '@decpool/model';
import { receiveBatch, sendBatch } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import type { ByteReader } from '../files/byte-reader.ts';
import type { ByteFile } from './byte-file.ts';
import { Chain } from './chain.ts';
import { checkedParts, type LogPart, type LogStart, partsHere } from './parts.ts';
import type { StoredRecord } from './records.ts';
import { shortRun } from './testing.ts';

const RUN = shortRun(12, 6);
const [FIRST, SECOND, THIRD] = RUN.batches;
const HEADER = { kind: 'header', header: RUN.header, version: 5 } as const;
const newChain = () => new Chain(HEADER);

/** The checkpoints behind the batches. */
function checkpointsOf(batches: readonly EventBatch[]): Checkpoint[] {
  const chain = newChain();
  return batches.map((batch) => chain.append(batch));
}
const [AFTER_FIRST, AFTER_SECOND, AFTER_THIRD] = checkpointsOf([FIRST, SECOND, THIRD]);

/** The second segment with another time in some of its rows. */
function altered(...rows: readonly number[]): EventBatch {
  const { sent } = sendBatch(shortRun(12, 6).batches[1]);
  for (const row of rows) sent.columns.time[row] += 1;
  return receiveBatch(sent);
}

describe('the chain of a log', () => {
  it('goes through its header, the events of each segment, and all before it', () => {
    const values = new Set([newChain().value, AFTER_FIRST.chain, AFTER_SECOND.chain, AFTER_THIRD.chain]);
    expect(values.size).toBe(4);
    for (const value of values) expect(value).toMatch(/^[0-9a-f]{64}$/);
    const chain = newChain();
    expect(chain.append(SECOND).chain).not.toBe(AFTER_SECOND.chain);
    expect(new Chain({ ...HEADER, header: { ...RUN.header, policy: 'other' } }).value).not.toBe(
      newChain().value,
    );
    expect(AFTER_SECOND.events).toBe(FIRST.length + SECOND.length);
  });

  it('can be checked from any checkpoint on', () => {
    const chain = new Chain(HEADER, AFTER_FIRST.chain);
    expect(chain.value).toBe(AFTER_FIRST.chain);
    expect(chain.check(SECOND, AFTER_SECOND)).toBeUndefined();
    expect(chain.value).toBe(AFTER_SECOND.chain);
  });

  const behindFirst = (batch: EventBatch, checkpoint: Checkpoint) => {
    const chain = new Chain(HEADER, AFTER_FIRST.chain);
    const found = chain.check(batch, checkpoint);
    // What comes behind it is checked against what the log itself says.
    expect(chain.value).toBe(checkpoint.chain);
    expect(chain.check(THIRD, AFTER_THIRD) === undefined).toBe(checkpoint.chain === AFTER_SECOND.chain);
    return found;
  };

  it('names the event that was altered, if it is one of its segment', () => {
    const [from, to] = [SECOND.firstSeq, SECOND.firstSeq + SECOND.length - 1];
    const segment = `the content hash of its segment (events ${from} to ${to}) does not match`;
    for (let row = 0; row < SECOND.length; row++) {
      expect(behindFirst(altered(row), AFTER_SECOND)).toBe(
        `event ${from + row} was altered after the log was written: ${segment}`,
      );
    }
    expect(behindFirst(altered(0, 1), AFTER_SECOND)).toBe(
      `events ${from} to ${to}: several of them, or the checkpoint after them, were altered after the log was written`,
    );
    expect(behindFirst(SECOND, { ...AFTER_SECOND, chain: 'f'.repeat(64) })).toBe(
      `the header or the checkpoint after event ${to} was altered after the log was written`,
    );
  });

  it('vouches for a keyframe where it stands', () => {
    const chain = new Chain(HEADER, AFTER_FIRST.chain);
    const facts = { events: FIRST.length, stateHash: 'ab', state: 'cd' };
    const keyframe: Keyframe = { ...facts, hash: chain.keyframeHash(facts) };
    expect(chain.checkKeyframe(keyframe)).toBeUndefined();
    const message = `the keyframe after event ${FIRST.length} was altered after the log was written`;
    for (const change of [{ stateHash: 'ac' }, { state: 'ce' }, { hash: 'e' }])
      expect(chain.checkKeyframe({ ...keyframe, ...change })).toBe(message);
    expect(newChain().checkKeyframe(keyframe)).toBe(message);
  });
});

async function* recordsOf(records: readonly StoredRecord[]): AsyncGenerator<StoredRecord> {
  yield* records;
}

/** The parts of these records, and the error that ends them. */
async function partsOf(records: readonly StoredRecord[], goesOn = false, start?: LogStart) {
  const parts: LogPart[] = [];
  const broken: string[] = [];
  let refused: string | undefined;
  try {
    const onBroken = goesOn ? (found: string) => void broken.push(found) : undefined;
    for await (const part of checkedParts(recordsOf(records), onBroken, start)) parts.push(part);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    refused = (error as Error).message;
  }
  return { parts, broken, refused };
}

const segment = (batch: EventBatch, checkpoint?: Checkpoint): StoredRecord => ({
  kind: 'segment',
  batch,
  checkpoint,
});
const TORN = { kind: 'torn', events: 1, bytes: 20 } as const;
const SEAL = { events: AFTER_SECOND.events, chain: AFTER_SECOND.chain, stateHash: 'ab' };

describe('the parts of a log', () => {
  it('are its records, each vouched for by the chain', async () => {
    const behind = new Chain(HEADER, AFTER_FIRST.chain);
    const facts = { events: FIRST.length, stateHash: 'ab', state: 'cd' };
    const keyframe = { ...facts, hash: behind.keyframeHash(facts) };
    const records: StoredRecord[] = [
      HEADER,
      segment(FIRST, AFTER_FIRST),
      { kind: 'keyframe', keyframe },
      segment(SECOND, AFTER_SECOND),
      { kind: 'seal', seal: SEAL },
    ];
    const expected = [
      HEADER,
      { kind: 'batch', batch: FIRST, checkpoint: AFTER_FIRST, isVouched: true },
      { kind: 'keyframe', keyframe },
      { kind: 'batch', batch: SECOND, checkpoint: AFTER_SECOND, isVouched: true },
      { kind: 'seal', seal: SEAL },
    ];
    expect(await partsOf(records)).toEqual({ parts: expected, broken: [], refused: undefined });
    const start = { ...HEADER, offset: 1, lines: 1, events: FIRST.length, chain: AFTER_FIRST.chain };
    expect((await partsOf(records.slice(3), false, start)).parts).toEqual(expected.slice(3));
    // From its start a chain has another value.
    const early = { ...start, chain: newChain().value };
    expect((await partsOf(records.slice(3), true, early)).broken).toHaveLength(1);
  });

  it('of schema version 1 have no content hashes: they get them as they are read', async () => {
    const trailer = { events: AFTER_SECOND.events, stateHash: 'ab' };
    const { parts } = await partsOf([
      HEADER,
      segment(FIRST),
      segment(SECOND),
      { kind: 'trailer', trailer },
    ] as StoredRecord[]);
    expect(parts.slice(1)).toEqual([
      { kind: 'batch', batch: FIRST, checkpoint: AFTER_FIRST, isVouched: false },
      { kind: 'batch', batch: SECOND, checkpoint: AFTER_SECOND, isVouched: false },
      { kind: 'seal', seal: { ...trailer, chain: AFTER_SECOND.chain } },
    ]);
  });

  it('end with what was torn', async () => {
    const { parts, refused } = await partsOf([HEADER, segment(FIRST, AFTER_FIRST), TORN]);
    expect([parts.at(-1), refused]).toEqual([TORN, undefined]);
  });

  it('are none of what has no header', async () => {
    const refused = async (...records: readonly StoredRecord[]) => (await partsOf(records)).refused;
    expect(await refused()).toBe('is empty; expected an event log');
    expect(await refused(TORN)).toBe('ends inside its header; expected an event log');
    expect(await refused(segment(FIRST, AFTER_FIRST))).toBe('has no header; expected an event log');
  });

  it('that were altered are refused, or are told and come all the same', async () => {
    const keyframe = { events: FIRST.length, stateHash: 'ab', state: 'cd', hash: 'ef' };
    const records: StoredRecord[] = [
      HEADER,
      segment(FIRST, AFTER_FIRST),
      { kind: 'keyframe', keyframe },
      segment(altered(0), AFTER_SECOND),
      { kind: 'seal', seal: { ...SEAL, chain: 'f'.repeat(64) } },
    ];
    const found = [
      `the keyframe after event ${FIRST.length} was altered after the log was written`,
      expect.stringMatching(/^event \d+ was altered /),
      'the seal or the header was altered after the log was written: the content hash does not match',
    ];
    const { parts, broken, refused } = await partsOf(records, true);
    expect(parts.map(({ kind }) => kind)).toEqual(['header', 'batch', 'keyframe', 'batch', 'seal']);
    expect([broken, refused]).toEqual([found, undefined]);
    for (const [at, text] of found.entries()) {
      const [header, first, ...others] = records;
      const alone = [header, first, others[at]];
      expect((await partsOf(alone)).refused).toEqual(text);
    }
  });
});

describe('an open file', () => {
  /** One that fails as soon as it is read. */
  function failing(error: unknown) {
    const calls: unknown[] = [];
    const reader = {
      some: async () => {
        throw error;
      },
      close: () => void calls.push('closed'),
    } as unknown as ByteReader;
    const file: ByteFile = {
      ...{ path: 'a.log', isGzip: false, format: 'ndjson' },
      size: async () => 10,
      from: async (offset, options) => {
        calls.push([offset, options]);
        return reader;
      },
      close: async () => {},
    };
    return { file, calls };
  }

  it('is read from where it is told, with its name in errors, and its reader is closed', async () => {
    const waits = async () => false;
    const start = { ...HEADER, offset: 7, lines: 1, events: 0, chain: newChain().value };
    for (const [options, from] of [
      [{}, undefined],
      [{ waits }, start],
    ] as const) {
      const { file, calls } = failing(new InputError('no'));
      await expect(partsHere(file, options, from).next()).rejects.toThrow(new InputError('a.log: no'));
      expect(calls).toEqual([[from?.offset ?? 0, { waits: from && waits }], 'closed']);
    }
    const defect = new TypeError('not a function');
    await expect(partsHere(failing(defect).file).next()).rejects.toBe(defect);
  });
});

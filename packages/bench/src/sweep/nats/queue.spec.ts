import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cell } from '../plan.ts';
import { cellMessageSchema } from './cell-message.ts';
import type { Nats } from './connect.ts';
import { hashOf, inputBytes, inputOf } from './objects.ts';
import { CellQueue, storeInputs } from './queue.ts';
import { cellSubject } from './streams.ts';
import { Bucket, cells, INPUT, POLICY } from './testing-objects.ts';
import { Waits } from './testing-waits.ts';

let waits: Waits;
beforeEach(() => {
  waits = new Waits();
});
afterEach(() => waits.restore());

const withCode = (code: number, text = 'an error of the server') => Object.assign(new Error(text), { code });
const WRONG_SEQUENCE = 10071;
const STORE_FAILED = 10077;
const TAKEN = withCode(STORE_FAILED, 'maximum messages per subject exceeded');

/** A stream that accepts a message at the end of those it has. It answers a moment later. */
class Stream {
  readonly subjects: string[] = [];
  readonly texts: string[] = [];
  /** The most that waited for an answer at a time. */
  mostWaiting = 0;
  /** How many were published, also in vain. */
  published = 0;
  /** What becomes of a message before it is taken, and before the answer. */
  atArrival: (() => void) | undefined;
  atAnswer: (() => void) | undefined;
  isSilent = false;
  #waiting = 0;

  readonly nats = {
    url: 'nats://there',
    js: { publish: this.#publish.bind(this) },
    jsm: { streams: { info: () => this.#info() } },
  } as unknown as Nats;

  async #publish(
    subject: string,
    text: string,
    { expect: { lastSequence } }: { expect: { lastSequence: number } },
  ) {
    this.published++;
    this.mostWaiting = Math.max(this.mostWaiting, ++this.#waiting);
    try {
      this.atArrival?.();
      if (lastSequence !== this.texts.length) throw withCode(WRONG_SEQUENCE);
      this.subjects.push(subject);
      this.texts.push(text);
      await undefined;
      this.atAnswer?.();
    } finally {
      this.#waiting--;
    }
  }

  async #info() {
    if (this.isSilent) throw new Error('no answer');
    return { state: { last_seq: this.texts.length } };
  }
}

const HASH = hashOf(inputBytes(INPUT));
const STORED = { inputs: new Map([[INPUT, HASH]]), files: new Map([['/a/p.ts', 'f'.repeat(64)]]) };

function queueOf(stream: Stream, all: readonly Cell[], toQueue = all.map((_, number) => number), queued = 0) {
  return new CellQueue(stream.nats, { id: 'id', cells: all, inputs: STORED, toQueue, queued });
}

/** The numbers of the cells that came. */
const numbersIn = ({ subjects }: Stream) => subjects.map((subject) => Number(subject.replace(/^.*\./, '')));
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);
const never = () => false;

describe('the queue of cells', () => {
  it('has each cell with its number in the plan, and what it needs by its hash', async () => {
    const stream = new Stream();
    const file = { name: 'p', source: '/a/p.ts', given: './p.ts' };
    const all = [...cells(1), ...cells(1, { policy: file })];
    const queue = queueOf(stream, all, [1, 0]);
    expect(queue.isDone).toBe(false);
    await queue.run(() => 0, never);
    expect(queue.isDone).toBe(true);
    expect(stream.subjects).toEqual([cellSubject('id', 1), cellSubject('id', 0)]);
    const [{ key, platform, seed, settings, memory }] = all;
    const message = { key, platform, seed, settings, input: HASH, memory: memory.packed.hash };
    expect(stream.texts.map((text) => cellMessageSchema.parse(JSON.parse(text)))).toEqual([
      { ...message, policy: { file: 'f'.repeat(64), given: './p.ts' } },
      { ...message, policy: { name: 'linux-7.3' } },
    ]);
    expect(waits.asked).toEqual([]);
  });

  it('goes on behind the cells that were queued before', async () => {
    const stream = new Stream();
    const all = cells(5);
    await queueOf(stream, all, [4, 3, 2]).run(() => 0, never);
    await queueOf(stream, all, [4, 3, 2, 1], 3).run(() => 0, never);
    expect(numbersIn(stream)).toEqual([4, 3, 2, 1]);
    expect(stream.published).toBe(4);
    expect(queueOf(stream, all, [4, 3, 2, 1], 4).isDone).toBe(true);
  });

  it('sends 500 at a time', async () => {
    const stream = new Stream();
    await queueOf(stream, cells(1200)).run(() => 0, never);
    expect(numbersIn(stream)).toEqual(upTo(1200));
    expect([stream.mostWaiting, stream.published]).toEqual([500, 1200]);
  });

  it('stops when it is told to', async () => {
    const stream = new Stream();
    const queue = queueOf(stream, cells(1200));
    await queue.run(
      () => 0,
      () => stream.published > 0,
    );
    expect(numbersIn(stream)).toEqual(upTo(500));
    expect(queue.isDone).toBe(false);
  });

  it('has at most 200,000 cells without a result', async () => {
    const stream = new Stream();
    const [cell] = cells(1);
    const all = Array<Cell>(200_700).fill(cell);
    // The server has as many as there may be.
    stream.texts.length = 200_000;
    const results = [0, 0, 300, 300, 1000];
    const queued: number[] = [];
    await queueOf(stream, all, undefined, 200_000).run(() => {
      queued.push(stream.texts.length - 200_000);
      return results[queued.length - 1];
    }, never);
    expect(queued).toEqual([0, 0, 0, 300, 300]);
    expect(stream.texts).toHaveLength(200_700);
    expect(waits.asked).toEqual([200, 200, 200]);
  });

  it('asks the server how far it came if an answer does not come', async () => {
    const stream = new Stream();
    stream.atAnswer = () => {
      stream.atAnswer = undefined;
      throw new Error('timeout');
    };
    await queueOf(stream, cells(3)).run(() => 0, never);
    expect(numbersIn(stream)).toEqual([0, 1, 2]);
    expect([stream.published, waits.asked]).toEqual([3, [200]]);
  });

  it.each([
    ['an error of the connection', new Error('timeout')],
    ['a subject that has its message', TAKEN],
    ['another sequence', withCode(WRONG_SEQUENCE)],
  ])('goes on behind %s', async (_, error) => {
    const stream = new Stream();
    stream.atArrival = () => {
      if (stream.published === 3) throw error;
    };
    await queueOf(stream, cells(5)).run(() => 0, never);
    // Those behind the third had another sequence.
    expect(numbersIn(stream)).toEqual([0, 1, 2, 3, 4]);
    expect([stream.published, waits.asked]).toEqual([5 + 3, [200]]);
  });

  it('tries the same ones again if the server does not say how far it came', async () => {
    const stream = new Stream();
    stream.isSilent = true;
    stream.atArrival = () => {
      if (stream.published <= 4) throw new Error('away');
      stream.isSilent = false;
    };
    await queueOf(stream, cells(2)).run(() => 0, never);
    expect(numbersIn(stream)).toEqual([0, 1]);
    expect([stream.published, waits.asked]).toEqual([6, [200, 200]]);
  });

  it.each([withCode(STORE_FAILED, 'no room on the disk'), withCode(10025, 'bad request')])(
    'ends with what the server refuses for good: %s',
    async (error) => {
      const stream = new Stream();
      stream.atArrival = () => {
        if (stream.published === 2) throw error;
      };
      const queue = queueOf(stream, cells(3));
      await expect(queue.run(() => 0, never)).rejects.toThrow(
        new InputError(`nats://there: the server takes no more cells: ${error.message}`),
      );
      expect([stream.published, waits.asked]).toEqual([3, []]);
    },
  );

  it('has no cell whose input is not stored', async () => {
    const strange = cells(1, { input: { ...INPUT } });
    await expect(queueOf(new Stream(), strange).run(() => 0, never)).rejects.toThrow(
      new TypeError('no object for the input of cell 1'),
    );
  });
});

describe('what cells need', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function policy(text: string) {
    const source = join(folder, 'p.ts');
    writeFileSync(source, text);
    return { name: 'p', source, given: './p.ts' };
  }
  function server() {
    const bucket = new Bucket();
    const created: string[] = [];
    const objects = {
      create: async (name: string) => {
        created.push(name);
        return bucket;
      },
    };
    return { bucket, created, nats: { objects } as unknown as Nats };
  }

  it('is stored once, by the hashes of its bytes', async () => {
    const { bucket, created, nats } = server();
    const text = 'export default () => ({});\n';
    const file = policy(text);
    const other = { ...INPUT, facts: { ...INPUT.facts, name: 'other' } };
    const all = [...cells(2), ...cells(2, { policy: file }), ...cells(1, { input: other })];
    const stored = await storeInputs(nats, all);
    expect(created).toEqual(['decpool-inputs']);
    const [input, second, code] = [inputBytes(INPUT), inputBytes(other), Buffer.from(text)].map(hashOf);
    expect([...stored.inputs]).toEqual([
      [INPUT, input],
      [other, second],
    ]);
    expect([...stored.files]).toEqual([[file.source, code]]);
    const [{ memory }] = all;
    expect(bucket.written).toEqual([code, memory.packed.hash, input, second]);
    expect(bucket.objects.get(code)).toEqual(Buffer.from(text));
    expect(inputOf(bucket.objects.get(second) ?? new Uint8Array())).toEqual(other);
    expect(bucket.objects.get(memory.packed.hash)).toEqual(Buffer.from(memory.packed.json));
  });

  it.each([
    ["import { x } from './x.ts';", './x.ts'],
    ['import "../lib/x.js";', '../lib/x.js'],
    ["export * from  './x.ts'", './x.ts'],
    ["const x = await import( './x.ts' );", './x.ts'],
    ["import { x } from '@decpool/model';\nimport y from './y.ts';", './y.ts'],
  ])('is not a policy file that needs another: %s', async (text, other) => {
    const { nats } = server();
    const needy = cells(1, { policy: policy(text) });
    const refused = storeInputs(nats, needy);
    await expect(refused).rejects.toThrow(
      new InputError(`policy file './p.ts' imports '${other}': workers get one file; put all into it`),
    );
  });

  it.each(["import { x } from '@decpool/model';", "import 'node:fs';", "const from = './x.ts';"])(
    'may be a policy file by itself: %s',
    async (text) => {
      const { nats } = server();
      const alone = policy(text);
      const { files } = await storeInputs(nats, [
        ...cells(1, { policy: alone }),
        ...cells(1, { policy: POLICY }),
      ]);
      expect([...files]).toEqual([[alone.source, hashOf(Buffer.from(text))]]);
    },
  );
});

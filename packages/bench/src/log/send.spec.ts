/** What the thread that reads a log does, in this thread. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { receiveBatch } from '@decpool/model/internal';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { openFile } from './byte-file.ts';
import { partsHere, type ReadOptions } from './parts.ts';
import { sendParts } from './send.ts';
import { MAX_WAITING, type ReadTask, type SentPart } from './sent.ts';
import { openBelow, shortRun, writeLog } from './testing.ts';

const RUN = shortRun(20);
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

async function written(name: string): Promise<string> {
  const path = join(folder, name);
  await writeLog(path, 'ndjson', RUN, { keyframeEvents: 20 });
  return path;
}

/** All that is posted until it is done. A reader takes a message each time that it waits. */
async function sentFor(task: Omit<ReadTask, 'waiting' | 'start'>) {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  const sent: SentPart[] = [];
  const waits: number[] = [];
  const moved: number[] = [];
  vi.spyOn(Atomics, 'wait').mockImplementation((...[array, index, value]: readonly unknown[]) => {
    expect([array, index, value]).toEqual([waiting, 0, Atomics.load(waiting, 0)]);
    waits.push(Atomics.sub(waiting, 0, 1));
    return 'ok';
  });
  await sendParts({ ...task, start: undefined, waiting }, (message, buffers) => {
    sent.push(message);
    moved.push(buffers.length);
    // It counted before it sent.
    expect(Atomics.load(waiting, 0)).toBeGreaterThan(0);
  });
  expect(openBelow(task.path)).toEqual([]);
  return { sent, waits, moved, left: Atomics.load(waiting, 0) };
}

/** The same as messages, read without it. */
async function expectedOf(path: string, options: ReadOptions, goesOn = false): Promise<unknown[]> {
  const all: unknown[] = [];
  const file = await openFile(path);
  const onBroken = (found: string) => all.push({ kind: 'broken', found });
  const onRead = (done: number, size: number) => all.push({ kind: 'read', done, all: size });
  for await (const part of partsHere(file, { ...options, onRead, ...(goesOn ? { onBroken } : {}) })) {
    all.push(part.kind === 'batch' ? { ...part, batch: [...part.batch] } : part);
  }
  await file.close();
  return [...all, { kind: 'end' }];
}

const plain = (sent: readonly SentPart[]) =>
  sent.map((part) => (part.kind === 'batch' ? { ...part, batch: [...receiveBatch(part.batch)] } : part));

it('sends each part, how far it is, and the end, and closes the file', async () => {
  const path = await written('whole.ndjson');
  for (const skipsKeyframes of [true, false]) {
    const { sent } = await sentFor({ path, skipsKeyframes, goesOn: false });
    expect(plain(sent)).toEqual(await expectedOf(path, { skipsKeyframes }));
    expect(sent.some(({ kind }) => kind === 'keyframe')).toBe(!skipsKeyframes);
  }
});

it('has no more messages waiting than there may be, and hands over the columns of a batch', async () => {
  const path = await written('many.ndjson');
  const { sent, waits, moved, left } = await sentFor({ path, skipsKeyframes: true, goesOn: false });
  expect(sent.length).toBeGreaterThan(2 * MAX_WAITING);
  expect(waits).toEqual(Array.from({ length: sent.length - MAX_WAITING }, () => MAX_WAITING));
  expect(left).toBe(MAX_WAITING);
  for (const [at, { kind }] of sent.entries()) expect(moved[at] > 0).toBe(kind === 'batch');
});

it('refuses an altered log, or says what was altered and goes on if it shall', async () => {
  const path = await written('altered.ndjson');
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('other') + 1] ^= 4;
  writeFileSync(path, bytes);
  const refused = await sentFor({ path, skipsKeyframes: true, goesOn: false });
  expect(refused.sent.at(-1)).toEqual({
    kind: 'refused',
    message: expect.stringMatching(new RegExp(`^${path}: event \\d+ was altered`)),
  });
  const { sent } = await sentFor({ path, skipsKeyframes: true, goesOn: true });
  expect(plain(sent)).toEqual(await expectedOf(path, { skipsKeyframes: true }, true));
  expect(sent.some(({ kind }) => kind === 'broken')).toBe(true);
});

it('sends an error that is no fault of the log as it is', async () => {
  const path = await written('defect.ndjson');
  const defect = new TypeError('no function');
  const sent: SentPart[] = [];
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  await sendParts({ path, start: undefined, skipsKeyframes: true, goesOn: false, waiting }, (message) => {
    if (sent.push(message) === 1) throw defect;
  });
  expect(sent.map(({ kind }) => kind)).toEqual(['header', 'failed']);
  expect(sent[1]).toEqual({ kind: 'failed', error: defect });
});

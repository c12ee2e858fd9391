import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { platformNamed } from '@decpool/model';
import { afterEach, expect, it } from 'vitest';
import type { CellMessage } from './cell-message.ts';
import { WorkerInputs } from './inputs.ts';
import { hashOf, inputBytes, ObjectError } from './objects.ts';
import { Bucket, INPUT } from './testing-objects.ts';

const opened: WorkerInputs[] = [];
afterEach(() => {
  for (const inputs of opened.splice(0)) inputs.close();
});

/** What a worker has that keeps so many bytes, and the server's bucket. */
function worker(mayRunFiles = false, mostBytes?: number) {
  const bucket = new Bucket();
  const inputs = new WorkerInputs(bucket, mayRunFiles, mostBytes);
  opened.push(inputs);
  return { bucket, inputs };
}

function stored(bucket: Bucket, bytes: Uint8Array): string {
  const hash = hashOf(bytes);
  bucket.objects.set(hash, bytes);
  return hash;
}

const INPUT_BYTES = inputBytes(INPUT);
const state = (name: string) => Buffer.from(JSON.stringify({ name }));

/** A cell on a memory state of that name. */
const cell = (bucket: Bucket, memory: string, policy: CellMessage['policy'] = { name: 'linux-7.3' }) => ({
  ...{ key: 'key', input: stored(bucket, INPUT_BYTES), memory: stored(bucket, state(memory)), policy },
  ...{ platform: platformNamed('snp'), seed: 7, settings: { isSwiotlbDynamic: true } },
});

it('a task has what the cell names', async () => {
  const { bucket, inputs } = worker();
  const { memory, platform, settings, ...message } = cell(bucket, 'm');
  const task = await inputs.taskOf({ ...message, memory, platform, settings });
  const { json, hash } = task.memory;
  expect(task).toEqual({
    ...{ input: INPUT, memory: { hash: memory, json }, platform, seed: 7, settings },
    policy: { name: 'linux-7.3', source: 'linux-7.3', given: 'linux-7.3' },
  });
  expect(Buffer.from(json)).toEqual(state('m'));
  expect([hash, json]).toEqual([memory, expect.any(SharedArrayBuffer)]);
});

it('an object is read once for all cells, also for those that ask at one time', async () => {
  const { bucket, inputs } = worker();
  const message = cell(bucket, 'm');
  await Promise.all([inputs.taskOf(message), inputs.taskOf(message)]);
  await inputs.taskOf({ ...message, seed: 8 });
  expect(bucket.read).toEqual([message.input, message.memory]);
});

it('one text for two uses is read for each', async () => {
  const { bucket, inputs } = worker();
  const message = cell(bucket, 'm');
  const task = await inputs.taskOf({ ...message, memory: message.input });
  expect(Buffer.from(task.memory.json)).toEqual(Buffer.from(INPUT_BYTES));
});

it('an object that could not be read is asked for again, beside the one that is kept', async () => {
  const { bucket, inputs } = worker(false, 1);
  const message = cell(bucket, 'm');
  bucket.objects.delete(message.memory);
  for (let times = 0; times < 2; times++) await expect(inputs.taskOf(message)).rejects.toThrow(ObjectError);
  stored(bucket, state('m'));
  expect((await inputs.taskOf(message)).memory.hash).toBe(message.memory);
  expect(bucket.read).toEqual([message.input, ...Array(3).fill(message.memory)]);
});

/** Reads memory states, and tells which the server was asked for. */
async function readStates({ bucket, inputs }: ReturnType<typeof worker>, names: string): Promise<string> {
  for (const name of names) await inputs.taskOf(cell(bucket, name));
  const nameOf = new Map([...names].map((name) => [hashOf(state(name)), name]));
  return bucket.read.map((hash) => nameOf.get(hash) ?? '').join('');
}

const ONE = state('a').length;
const INPUT_AND = (states: number) => INPUT_BYTES.length + states * ONE;

it.each([
  { keeps: 'as many bytes as it may', most: INPUT_AND(3), asked: 'abc' },
  // To make room for c, b is forgotten, which was used before a.
  { keeps: 'those used last', most: INPUT_AND(2), asked: 'abcb' },
  { keeps: 'those used last, with a byte less than all need', most: INPUT_AND(3) - 1, asked: 'abcb' },
])('a worker keeps $keeps', async ({ most, asked }) => {
  expect(await readStates(worker(false, most), 'abacab')).toBe(asked);
});

it('a worker keeps the last one, however large it is', async () => {
  const one = worker(false, 1);
  const message = cell(one.bucket, 'a');
  await one.inputs.taskOf(message);
  await one.inputs.taskOf(message);
  // The input was forgotten for the memory state, and the other way round.
  const { input, memory } = message;
  expect(one.bucket.read).toEqual([input, memory, input, memory]);
  expect(await readStates(one, 'a')).toBe('aaa');
});

it('as many are forgotten as are in the way', async () => {
  const one = worker(false, INPUT_AND(3));
  await readStates(one, 'abc');
  const large = 'd'.repeat(ONE);
  await one.inputs.taskOf(cell(one.bucket, large));
  one.bucket.read.length = 0;
  // c alone has room beside the large one.
  await one.inputs.taskOf(cell(one.bucket, large));
  expect(await readStates(one, 'cab')).toBe('ab');
});

it('an object that is being read is not forgotten', async () => {
  const { bucket, inputs } = worker(false, 1);
  const first = cell(bucket, 'a');
  await inputs.taskOf(first);
  const getBlob = bucket.getBlob.bind(bucket);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const slow = cell(bucket, 'slow');
  bucket.getBlob = (name) => (name === slow.memory ? answered.then(() => getBlob(name)) : getBlob(name));
  const waiting = [inputs.taskOf(slow)];
  await inputs.taskOf({ ...first, input: slow.input });
  waiting.push(inputs.taskOf(slow));
  await inputs.taskOf(first);
  answer();
  const [one, other] = await Promise.all(waiting);
  expect(one.memory.json).toBe(other.memory.json);
});

const FILE = Buffer.from('export default () => ({});\n');

it('a policy file is written under the name that the definition has, for as long as the worker has it', async () => {
  const { bucket, inputs } = worker(true, 1);
  const given = '../my policies/one & two.ts';
  const message = cell(bucket, 'm', { file: stored(bucket, FILE), given });
  const { policy } = await inputs.taskOf(message);
  expect(policy).toEqual({ name: given, given, source: policy.source });
  expect(basename(policy.source)).toBe('one---two.ts');
  expect(readFileSync(policy.source)).toEqual(FILE);
  // Its text stays, though others take its room.
  await inputs.taskOf(cell(bucket, 'other'));
  const again = await inputs.taskOf(message);
  expect(again.policy).toEqual(policy);
  expect(bucket.read.filter((hash) => hash === hashOf(FILE))).toHaveLength(1);
  inputs.close();
  expect(existsSync(policy.source)).toBe(false);
});

it('two policy files of one name lie apart', async () => {
  const { bucket, inputs } = worker(true);
  const other = Buffer.from('export default 7;\n');
  const [one, two] = [
    await inputs.taskOf(cell(bucket, 'm', { file: stored(bucket, FILE), given: 'a/p.ts' })),
    await inputs.taskOf(cell(bucket, 'm', { file: stored(bucket, other), given: 'b/p.ts' })),
  ];
  expect([one, two].map(({ policy }) => readFileSync(policy.source))).toEqual([FILE, other]);
  inputs.close();
  expect([one, two].map(({ policy }) => existsSync(policy.source))).toEqual([false, false]);
});

it('a worker runs no policy file unless it may, and no file of its own machine', async () => {
  const { bucket, inputs } = worker();
  const file = cell(bucket, 'm', { file: stored(bucket, FILE), given: './p.ts' });
  await expect(inputs.taskOf(file)).rejects.toThrow(
    new ObjectError("policy file './p.ts': this worker has no --allow-policies"),
  );
  const allowed = worker(true);
  await expect(allowed.inputs.taskOf(cell(allowed.bucket, 'm', { name: '/etc/p' }))).rejects.toThrow(
    new ObjectError("policy '/etc/p' is a file without its text"),
  );
});

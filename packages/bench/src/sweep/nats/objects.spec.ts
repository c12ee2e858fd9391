import { afterEach, expect, it, vi } from 'vitest';
import { RequestColumns } from '../../workloads/request-columns.ts';
import { getObject, hashOf, inputBytes, inputOf, ObjectError, putObject } from './objects.ts';
import { Bucket, INPUT } from './testing-objects.ts';

const TEXT = Buffer.from('a text');
const NAME = hashOf(TEXT);

afterEach(() => void vi.restoreAllMocks());

it('an input comes out of its bytes as it was, with its requests in shared memory', () => {
  const input = inputOf(inputBytes(INPUT));
  expect(input).toEqual(INPUT);
  expect(input.requests.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect([...new RequestColumns(input.requests)]).toEqual([...new RequestColumns(INPUT.requests)]);
});

it('an object is stored unless one of its size is there', async () => {
  const bucket = new Bucket();
  for (let times = 0; times < 2; times++) await putObject(bucket, NAME, TEXT);
  expect(bucket.written).toEqual([NAME]);
  expect(await getObject(bucket, NAME)).toEqual(TEXT);
  // What was cut off when a coordinator was killed is written anew.
  bucket.objects.set(NAME, TEXT.subarray(1));
  await putObject(bucket, NAME, TEXT);
  expect(bucket.objects.get(NAME)).toEqual(TEXT);
});

it('an object that was removed is stored again', async () => {
  const bucket = new Bucket();
  await putObject(bucket, NAME, TEXT);
  bucket.removed.add(NAME);
  for (let times = 0; times < 2; times++) await putObject(bucket, NAME, TEXT);
  expect(bucket.written).toEqual([NAME, NAME]);
});

it('an object that is not there, or has other bytes than its name says, is told', async () => {
  const bucket = new Bucket();
  await expect(getObject(bucket, NAME)).rejects.toThrow(new ObjectError(`the server has no object ${NAME}`));
  bucket.objects.set(NAME, TEXT.subarray(1));
  await expect(getObject(bucket, NAME)).rejects.toThrow(
    new ObjectError(`object ${NAME} has other bytes than its name says`),
  );
});

it('a server that dies while an object is read is waited for two minutes', async () => {
  const late = new AbortController();
  const asked: number[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    asked.push(ms);
    return late.signal;
  });
  const read = getObject({ getBlob: () => new Promise(() => {}) }, NAME);
  late.abort(new Error('too late'));
  await expect(read).rejects.toThrow('too late');
  expect(asked).toEqual([120_000]);
});

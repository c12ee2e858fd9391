import { expect, it } from 'vitest';
import { inTurns, type Steps } from './steps.ts';

/** Each step takes 5 ms of the clock. */
function* stepsTo(count: number, onStep: (done: number) => void = () => {}): Steps<string> {
  for (let done = 1; done <= count; done++) {
    for (const start = performance.now(); performance.now() - start < 5; );
    onStep(done);
    yield;
  }
  return `${count} done`;
}

it('comes to what the last step returns', async () => {
  const { signal } = new AbortController();
  expect(await inTurns(stepsTo(0), signal)).toBe('0 done');
  expect(await inTurns(stepsTo(3), signal)).toBe('3 done');
});

it('does quick steps one after the other: a turn for others after each would take most of the time', async () => {
  function* quick(): Steps<number> {
    for (let step = 0; step < 9; step++) yield;
    return 9;
  }
  let hasTurned = false;
  setImmediate(() => {
    hasTurned = true;
  });
  expect(await inTurns(quick(), new AbortController().signal)).toBe(9);
  expect(hasTurned).toBe(false);
});

it('lets a timer have its turn between two steps', async () => {
  let turnedAt = 0;
  let done = 0;
  setTimeout(() => {
    turnedAt = done;
  });
  await inTurns(
    stepsTo(40, (step) => {
      done = step;
    }),
    new AbortController().signal,
  );
  expect(turnedAt).toBeGreaterThan(0);
  expect(turnedAt).toBeLessThan(40);
});

it('ends with the reason of its signal, in the midst of the work', async () => {
  const stop = new AbortController();
  let done = 0;
  setTimeout(() => stop.abort(new Error('told to stop')));
  const steps = stepsTo(1000, (step) => {
    done = step;
  });
  await expect(inTurns(steps, stop.signal)).rejects.toThrow('told to stop');
  expect(done).toBeLessThan(1000);
});

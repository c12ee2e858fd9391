import { InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { calling, EndlessPolicy, eachInTime, inTime, limitTime } from './time-limit.ts';

const SECONDS = 0.2;
const endless = (): never => {
  for (;;);
};

it('serves every item in order, or until one is the last', () => {
  limitTime();
  const served: number[] = [];
  eachInTime([1, 2, 3], (item) => served.push(item));
  eachInTime([4, 5, 6], (item) => {
    served.push(item);
    return item < 5;
  });
  expect(served).toEqual([1, 2, 3, 4, 5]);
  expect(inTime(() => 7)).toBe(7);
});

it('ends what does not return, and says what that was', () => {
  limitTime();
  calling(() => 'own.ts: policy own, request 2');
  const serve = (item: number) => (item === 2 ? endless() : item);
  expect(() => eachInTime([1, 2, 3], serve, SECONDS)).toThrow(EndlessPolicy);
  expect(() => inTime(endless, SECONDS)).toThrow(
    'own.ts: policy own, request 2: has not returned for 0.2 s; expected a decision at once',
  );
});

it('leaves time for many items that take some each, and passes their errors on', () => {
  limitTime();
  const wait = () => {
    const end = performance.now() + 50;
    while (performance.now() < end);
  };
  let served = 0;
  eachInTime(
    Array.from({ length: 12 }, () => 0),
    () => {
      wait();
      served++;
    },
    SECONDS,
  );
  expect(served).toBe(12);
  const fails = () => {
    throw new InputError('no');
  };
  expect(() => eachInTime([1], fails)).toThrow('no');
  expect(() => inTime(fails)).toThrow('no');
});

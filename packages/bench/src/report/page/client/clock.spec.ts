import { describe, expect, it } from 'vitest';
import { createClock } from './clock.ts';

describe('the clock of a page', () => {
  it('tells every listener of a new frame, and nobody of the same frame', () => {
    const clock = createClock(10, 3);
    const heard: string[] = [];
    clock.subscribe((frame) => heard.push(`map ${frame}`));
    clock.subscribe((frame) => heard.push(`chart ${frame}`));
    clock.set(4);
    clock.set(4);
    expect(heard).toEqual(['map 4', 'chart 4']);
    expect(clock.frame).toBe(4);
  });

  it('stays within the frames there are', () => {
    const clock = createClock(10, 99);
    expect(clock.frame).toBe(9);
    clock.set(-5);
    expect(clock.frame).toBe(0);
    clock.set(2.6);
    expect(clock.frame).toBe(3);
    clock.set(Number.NaN);
    expect(clock.frame).toBe(0);
  });

  it('says nothing to who has left', () => {
    const clock = createClock(10, 0);
    const heard: number[] = [];
    const leave = clock.subscribe((frame) => heard.push(frame));
    clock.set(1);
    leave();
    clock.set(2);
    expect(heard).toEqual([1]);
  });

  it('tells no listener of a frame that another listener has already left', () => {
    const clock = createClock(10, 0);
    const heard: number[] = [];
    clock.subscribe((frame) => frame === 1 && clock.set(5));
    clock.subscribe((frame) => heard.push(frame));
    clock.set(1);
    expect(heard).toEqual([5]);
  });
});

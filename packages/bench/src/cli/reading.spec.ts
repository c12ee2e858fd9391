import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OnRead } from '../log/read.ts';
import { allRead, bytesRead, eventsRead } from './reading.ts';

const SILENT = { isWatched: false };
let stream: PassThrough;
const told = () => String(stream.read() ?? '');

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  stream = new PassThrough();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A pass of ten steps, a second each. */
function pass(onRead: OnRead, all: number): void {
  for (let step = 1; step <= 10; step++) {
    vi.advanceTimersByTime(1000);
    onRead((step * all) / 10, all);
  }
}

describe('how far a log is read', () => {
  it('is told of a long pass, and anew of the next one', () => {
    const { onRead } = eventsRead('fork', SILENT, stream);
    onRead(1, 1_000_000);
    vi.advanceTimersByTime(9000);
    pass(onRead, 1_000_000);
    expect(told()).toBe('fork: 100,000 of 1,000,000 events | 10,000 events/s | 2 min left\n');
    onRead(1, 1_000_000);
    vi.advanceTimersByTime(14_000);
    pass(onRead, 1_000_000);
    expect(told()).toBe('fork: 100,000 of 1,000,000 events | 6,700 events/s | 2 min left\n');
  });

  it('is told in MiB where only the size of the file is known', () => {
    const { onRead } = bytesRead('verify', SILENT, stream);
    onRead(2 ** 20, 2 ** 30);
    vi.advanceTimersByTime(11_000);
    onRead(2 ** 29, 2 ** 30);
    expect(told()).toBe('verify: 512 of 1,024 MiB | 47 MiB/s | 11 s left\n');
  });

  it('is told of several logs together', () => {
    const { onRead } = allRead('report', 400_000, SILENT, stream);
    pass(onRead, 200_000);
    vi.advanceTimersByTime(10_000);
    onRead(50_000, 200_000);
    expect(told()).toBe(
      'report: 200,000 of 400,000 events | 20,000 events/s | 10 s left\n' +
        'report: 250,000 of 400,000 events | 13,000 events/s | 12 s left\n',
    );
  });

  it('is told anew of a pass after one that was left', () => {
    const { onRead } = eventsRead('fork', SILENT, stream);
    onRead(1000, 200_000);
    vi.advanceTimersByTime(60_000);
    onRead(1000, 1_000_000);
    vi.advanceTimersByTime(11_000);
    onRead(110_000, 1_000_000);
    expect(told()).toBe('fork: 110,000 of 1,000,000 events | 10,000 events/s | 1 min left\n');
  });

  it.each([
    ['events', () => eventsRead('fork', SILENT, stream), 99_999],
    ['bytes', () => bytesRead('verify', SILENT, stream), 2 ** 24 - 1],
    ['logs together', () => allRead('report', 99_999, SILENT, stream), 99_999],
  ])('is not told of short passes, as those that look one event up: %s', (_, reading, all) => {
    const { onRead } = reading();
    onRead(1, all);
    vi.advanceTimersByTime(60_000);
    onRead(all - 1, all);
    expect(told()).toBe('');
  });
});

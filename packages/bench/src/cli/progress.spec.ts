import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { counted } from './progress.ts';

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean) {
  const kept = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  return { to: kept, text: () => String(kept.read() ?? '') };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('progress in a log', () => {
  it('is a plain line every ten seconds, with the rate and the time left', () => {
    const { to, text } = stream(false);
    const progress = counted('netvsc', 'requests', { isWatched: false }, to);
    for (let second = 0; second <= 35; second++) {
      progress.show(second * 1000, 120_000);
      vi.advanceTimersByTime(1000);
    }
    progress.stop();
    expect(text()).toBe(
      'netvsc: 10,000 of 120,000 requests | 1,000 requests/s | 2 min left\n' +
        'netvsc: 20,000 of 120,000 requests | 1,000 requests/s | 2 min left\n' +
        'netvsc: 30,000 of 120,000 requests | 1,000 requests/s | 2 min left\n',
    );
  });

  it('is nothing at all where it takes less, and nothing once all is done', () => {
    const { to, text } = stream(false);
    const progress = counted('netvsc', 'requests', { isWatched: false }, to);
    progress.show(1, 2);
    vi.advanceTimersByTime(60_000);
    progress.show(2, 2);
    progress.stop();
    expect(text()).toBe('');
  });
});

describe('progress on a terminal', () => {
  it('is a bar with the rate and the time left', () => {
    const { to, text } = stream(true);
    const progress = counted('netvsc', 'requests', { isWatched: true }, to);
    progress.show(0, 4000);
    vi.advanceTimersByTime(10_000);
    progress.show(1000, 4000);
    vi.advanceTimersByTime(1000);
    expect(stripVTControlCharacters(text())).toMatch(
      /netvsc =+-* 25 % \| 1,000 of 4,000 requests \| 100 requests\/s \| 30 s left/,
    );
    progress.stop();
  });

  it('leaves nothing of it once all is done, so that results stand alone', () => {
    const { to, text } = stream(true);
    const progress = counted('netvsc', 'requests', { isWatched: true }, to);
    progress.show(0, 4000);
    vi.advanceTimersByTime(1000);
    progress.show(4000, 4000);
    const { length } = text();
    expect(length).toBeGreaterThan(0);
    vi.advanceTimersByTime(5000);
    progress.stop();
    expect(stripVTControlCharacters(text())).toBe('');
  });
});

import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { counted } from './progress.ts';

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean, columns = 120) {
  const kept = Object.assign(new PassThrough(), { isTTY, columns });
  return { to: kept, text: () => String(kept.read() ?? '') };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => {
  vi.unstubAllEnvs();
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

/** What is told of 24,000 of 120,000 requests after 10 s, at this many columns. */
function toldAt(name: string, to: ReturnType<typeof stream>): string {
  const progress = counted(name, 'requests', { isWatched: true }, to.to);
  progress.show(0, 120_000);
  vi.advanceTimersByTime(10_000);
  to.text();
  progress.show(24_000, 120_000);
  vi.advanceTimersByTime(1000);
  const told = to.text();
  progress.stop();
  return told;
}

describe('progress on a terminal', () => {
  it.each([
    [60, 'netvsc', 'netvsc 20 % | 2,400 requests/s | 40 s left'],
    [80, 'netvsc', 'netvsc 20 % | 24,000 of 120,000 requests | 2,400 requests/s | 40 s left'],
    [90, 'netvsc', `netvsc ===${'-'.repeat(14)} 20 %`],
    [
      120,
      'netvsc',
      `netvsc ========${'-'.repeat(32)} 20 % | 24,000 of 120,000 requests | 2,400 requests/s | 40 s left`,
    ],
    [60, 'x'.repeat(70), `${'x'.repeat(23)} 20 % | 2,400 requests/s | 40 s left`],
  ])('has the rate and the time left at %i columns, for %s', (columns, name, expected) => {
    const line = stripVTControlCharacters(toldAt(name, stream(true, columns)));
    expect(line.length).toBeLessThan(columns);
    expect(line).toMatch(/ 20 % \|.* 2,400 requests\/s \| 40 s left$/);
    expect(line).toContain(expected);
  });

  it('takes a terminal that does not know its size for one of 80 columns', () => {
    expect(toldAt('netvsc', stream(true, 0))).toBe(toldAt('netvsc', stream(true, 80)));
  });

  it('is plain lines where the cursor cannot be moved', () => {
    const plain = 'netvsc: 24,000 of 120,000 requests | 2,400 requests/s | 40 s left\n';
    expect(toldAt('netvsc', stream(false))).toBe(plain);
    vi.stubEnv('TERM', 'dumb');
    expect(toldAt('netvsc', stream(true))).toBe(plain);
  });

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

  it('gives the cursor back where a signal ends the process, which it then still does', () => {
    const listeners = process.listeners('SIGINT');
    process.removeAllListeners('SIGINT');
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      const { to, text } = stream(true);
      counted('netvsc', 'requests', { isWatched: true }, to).show(0, 4000);
      expect(text()).toContain('\u001b[?25l');
      process.emit('SIGINT', 'SIGINT');
      expect(text()).toContain('\u001b[?25h');
      expect(kill.mock.calls).toEqual([[process.pid, 'SIGINT']]);
      expect(process.listenerCount('SIGINT')).toBe(0);
    } finally {
      kill.mockRestore();
      for (const listener of listeners) process.on('SIGINT', listener);
    }
  });

  it('leaves a signal to somebody else who listens to it', () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const other = vi.fn();
    process.on('SIGINT', other);
    const { to, text } = stream(true);
    const progress = counted('netvsc', 'requests', { isWatched: true }, to);
    try {
      progress.show(0, 4000);
      text();
      process.emit('SIGINT', 'SIGINT');
      expect(text()).not.toContain('\u001b[?25h');
      expect(other).toHaveBeenCalledOnce();
      expect(kill).not.toHaveBeenCalled();
      progress.stop();
      expect(text()).toContain('\u001b[?25h');
    } finally {
      process.off('SIGINT', other);
      kill.mockRestore();
    }
  });
});

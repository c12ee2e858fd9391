import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, interruptible } from './interrupt.ts';

describe('something interruptible', () => {
  const ended: unknown[] = [];
  beforeEach(() => {
    ended.length = 0;
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      ended.push(code);
      return undefined as never;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('hears the first SIGINT by its signal, and the second one ends the process', async () => {
    const heard = await interruptible(async (signal) => {
      const before = signal.aborted;
      process.emit('SIGINT');
      const after = { aborted: signal.aborted, ended: [...ended] };
      process.emit('SIGINT');
      return { before, after };
    });
    expect(heard).toEqual({ before: false, after: { aborted: true, ended: [] } });
    expect(ended).toEqual([130]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('is stopped by %s with exit code %d, as a shell has it', async (name, code) => {
    const stopped = (end: (signal: AbortSignal) => unknown) =>
      interruptible(async (signal) => {
        process.emit(name);
        return end(signal);
      });
    expect(await stopped((signal) => signal.throwIfAborted())).toBe(code);
    expect(await stopped(exitCodeOf)).toBe(code);
    await expect(stopped(() => Promise.reject(new Error('full')))).rejects.toThrow('full');
    await stopped(() => process.emit(name));
    expect(ended).toEqual([code]);
  });

  it('listens no more once it has ended, well or not', async () => {
    const listening = process.listenerCount('SIGINT');
    await interruptible(async () => expect(process.listenerCount('SIGINT')).toBe(listening + 1));
    expect(process.listenerCount('SIGINT')).toBe(listening);
    await expect(interruptible(() => Promise.reject(new Error('full')))).rejects.toThrow('full');
    expect(process.listenerCount('SIGINT')).toBe(listening);
  });
});

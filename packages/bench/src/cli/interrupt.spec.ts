import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { interruptible } from './interrupt.ts';

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

  it('listens no more once it has ended, well or not', async () => {
    const listening = process.listenerCount('SIGINT');
    await interruptible(async () => expect(process.listenerCount('SIGINT')).toBe(listening + 1));
    expect(process.listenerCount('SIGINT')).toBe(listening);
    await expect(interruptible(() => Promise.reject(new Error('full')))).rejects.toThrow('full');
    expect(process.listenerCount('SIGINT')).toBe(listening);
  });
});

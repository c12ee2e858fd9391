/** The frame that is shown: one clock for the maps and charts of an input, so that they stay in step. */

export type FrameClock = ReturnType<typeof createClock>;

export function createClock(frames: number, initial: number) {
  const nearest = (frame: number): number => Math.max(0, Math.min(frames - 1, Math.round(frame) || 0));
  const listeners = new Set<(frame: number) => void>();
  let current = nearest(initial);
  return {
    get frame(): number {
      return current;
    },
    /** Sets the nearest existing frame. Listeners are called only if the frame changes. */
    set(frame: number): void {
      const next = nearest(frame);
      if (next === current) return;
      current = next;
      for (const listener of [...listeners]) {
        // An earlier listener may have moved the clock, and that call has notified all listeners.
        if (current !== next) return;
        listener(next);
      }
    },
    /** Calls `listener` after each change, until the returned function is called. */
    subscribe(listener: (frame: number) => void): () => void {
      // Wrapped: a function may subscribe twice and unsubscribe once.
      const entry = (frame: number) => listener(frame);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}

/** The frame that is shown: one clock for the maps and charts of an input, so that they stay in step. */

export interface FrameClock {
  readonly frame: number;
  /** Sets the nearest existing frame. Listeners are called only if the frame changes. */
  set(frame: number): void;
  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: (frame: number) => void): () => void;
}

export function createClock(frames: number, initial: number): FrameClock {
  const nearest = (frame: number): number => Math.max(0, Math.min(frames - 1, Math.round(frame) || 0));
  const listeners = new Set<(frame: number) => void>();
  let current = nearest(initial);
  return {
    get frame() {
      return current;
    },
    set(frame) {
      const next = nearest(frame);
      if (next === current) return;
      current = next;
      for (const listener of [...listeners]) {
        // An earlier listener may have moved the clock, and that call has notified all listeners.
        if (current !== next) return;
        listener(next);
      }
    },
    subscribe(listener) {
      // Wrapped: a function may subscribe twice and unsubscribe once.
      const entry = (frame: number) => listener(frame);
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
  };
}

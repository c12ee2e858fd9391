/** The frame that is shown: one clock for all that shows a moment of an input, so that maps and charts stay in step. */

export interface FrameClock {
  readonly frame: number;
  /** To the nearest frame there is. Listeners are called only if it is another one. */
  set(frame: number): void;
  /** Calls `listener` after each change, until the function that it returns is called. */
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
        // A listener before this one may have moved the clock again, and has told all others of that.
        if (current !== next) return;
        listener(next);
      }
    },
    subscribe(listener) {
      // Wrapped, so that a function that subscribes twice is called twice and can leave once.
      const entry = (frame: number) => listener(frame);
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
  };
}

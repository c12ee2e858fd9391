/** Runs a clock through the frames at a steady pace. */
import type { FrameClock } from './clock.ts';

export type Player = ReturnType<typeof createPlayer>;

const FRAMES_PER_SECOND = 24;

/** Calls `onChange` when playing begins and when it stops. */
export function createPlayer(clock: FrameClock, frames: number, onChange: () => void) {
  const last = frames - 1;
  const wantsLittleMotion = matchMedia('(prefers-reduced-motion: reduce)');
  let isPlaying = false;
  let startTime = 0;
  let startFrame = 0;
  let shown = 0;

  function tick(now: number): void {
    if (!isPlaying) return;
    // The reader has moved the clock: stop there.
    if (clock.frame !== shown) {
      pause();
      return;
    }
    const pace = wantsLittleMotion.matches ? 1 : FRAMES_PER_SECOND;
    const passed = Math.max(0, now - startTime) / 1000;
    shown = Math.min(last, startFrame + Math.floor(passed * pace));
    clock.set(shown);
    if (shown < last) requestAnimationFrame(tick);
    else pause();
  }

  function play(): void {
    if (clock.frame >= last) clock.set(0);
    startFrame = clock.frame;
    shown = startFrame;
    startTime = performance.now();
    isPlaying = true;
    onChange();
    requestAnimationFrame(tick);
  }

  function pause(): void {
    if (!isPlaying) return;
    isPlaying = false;
    onChange();
  }

  return {
    get isPlaying(): boolean {
      return isPlaying;
    },
    /** Plays, from the start if the clock is at the end; or pauses. */
    toggle: () => (isPlaying ? pause() : play()),
  };
}

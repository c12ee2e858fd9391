/** Which requests a run is told after: at equal numbers of them, so that all runs of an input are told in step. */

/** So few requests have a frame each. */
const EVERY_REQUEST = 1024;
/** Frames beside the one after boot, of more requests. */
const MOST_STEPS = 512;
/** Frames are not merged to fewer than this. */
export const FEWEST_STEPS = 32;

/** Requests that one frame stands for before any were merged. */
export const finestStride = (requests: number): number =>
  requests <= EVERY_REQUEST ? 1 : Math.ceil(requests / MOST_STEPS);

/** Frames behind the one after boot. */
export const stepsOf = (requests: number, stride: number): number => Math.ceil(requests / stride);

/** Requests done at each frame. */
export const requestsAt = (requests: number, stride: number): number[] =>
  Array.from({ length: stepsOf(requests, stride) + 1 }, (_, frame) => Math.min(frame * stride, requests));

/** Frame that stands for a frame when it is merged with the one beside it; the first stays by itself. */
export const mergedFrame = (frame: number): number => Math.ceil(frame / 2);

/** Of each two frames behind the first, the value of the later. */
export function laterOf<Value>(values: readonly Value[]): Value[] {
  const last = values.length - 1;
  return Array.from({ length: mergedFrame(last) + 1 }, (_, frame) => values[Math.min(2 * frame, last)]);
}

/** Of each two frames behind the first, the larger value. */
export function mostOf(values: readonly number[]): number[] {
  const most = laterOf(values);
  for (let frame = 1; frame < values.length; frame++) {
    const merged = mergedFrame(frame);
    most[merged] = Math.max(most[merged], values[frame]);
  }
  return most;
}

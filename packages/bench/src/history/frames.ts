/** After which requests a run is recorded. All runs of an input are recorded after the same numbers of requests. */

/** Up to this many requests, each has a frame. */
const EVERY_REQUEST = 1024;
/** Frames after the one at boot, if there are more requests. */
const STEP_LIMIT = 512;
/** Frames are merged down to this many at least. */
export const FEWEST_STEPS = 32;

/** Requests per frame before frames are merged. */
export const finestStride = (requests: number): number =>
  requests <= EVERY_REQUEST ? 1 : Math.ceil(requests / STEP_LIMIT);

/** Frames after the one at boot. */
export const stepsOf = (requests: number, stride: number): number => Math.ceil(requests / stride);

export const requestsAt = (requests: number, stride: number): number[] =>
  Array.from({ length: stepsOf(requests, stride) + 1 }, (_, frame) => Math.min(frame * stride, requests));

/** Number of a frame after frames were merged in pairs. Frame 0, at boot, is not merged. */
export const mergedFrame = (frame: number): number => Math.ceil(frame / 2);

/** Values after frames were merged: of each pair, that of the later frame. */
export function laterOf<Value>(values: readonly Value[]): Value[] {
  const last = values.length - 1;
  return Array.from({ length: mergedFrame(last) + 1 }, (_, frame) => values[Math.min(2 * frame, last)]);
}

/** Values after frames were merged: of each pair, the larger. */
export function mostOf(values: readonly number[]): number[] {
  const most = laterOf(values);
  for (let frame = 1; frame < values.length; frame++) {
    const merged = mergedFrame(frame);
    most[merged] = Math.max(most[merged], values[frame]);
  }
  return most;
}

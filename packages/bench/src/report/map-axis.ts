/** The addresses under a map. */
import { addressText } from '../text/units.ts';
import type { MapBins } from './map-bins.ts';

/** Fewest characters from one tick to the next. */
const TICK_ROOM = 10;

/** A line with ticks at round addresses, and a line with these addresses. */
export function axisLines({ first, blocks, count, blockBytes }: MapBins): [ticks: string, labels: string] {
  const binBytes = blocks * blockBytes;
  let step = blockBytes;
  while (step < TICK_ROOM * binBytes) step *= 2;
  const ticks = new Array<string>(count).fill('-');
  let labels = '';
  const start = first * blockBytes;
  for (let at = Math.ceil(start / step) * step; ; at += step) {
    const bin = Math.floor((at - start) / binBytes);
    if (bin >= count) break;
    ticks[bin] = '+';
    labels = labels.padEnd(bin) + addressText(at);
  }
  return [ticks.join(''), labels];
}

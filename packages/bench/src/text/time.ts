/** Simulated time, as it is typed and as it is shown. */
import { InputError } from '@decpool/model';
import { TIME, timeUnit } from './units.ts';

const NS_PER_SECOND = 1_000_000_000;

/** Simulated ns that a text like `1.5s`, `200ms` or `17us` says; of a number without a unit, ns. Throws InputError. */
export function parseTime(text: string): number {
  const [, number, unit = 'ns'] = /^(\d+(?:\.\d+)?) ?(h|min|s|ms|us|ns)?$/.exec(text.trim()) ?? [];
  const { divisor } = TIME.find(({ suffix }) => suffix === unit) ?? TIME[0];
  const ns = Math.round(Number(number) * divisor);
  if (number === undefined || !Number.isSafeInteger(ns)) {
    throw new InputError(`time '${text}': expected one as in 1.5s, 200ms, 17us, 2min or 1200 (ns)`);
  }
  return ns;
}

/** Seconds with all nine decimals, so that times one below the other compare: `51.812345678`. */
export function clock(ns: number): string {
  const seconds = Math.floor(ns / NS_PER_SECOND);
  return `${seconds}.${String(ns - seconds * NS_PER_SECOND).padStart(9, '0')}`;
}

/** Wall-clock time, rounded as people say it: `20 s`, `3 min`, `2 h 5 min`. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** In the largest unit that leaves a whole part, as in `1.5 s` and `17 us`; at most so many decimals. */
export function timeText(ns: number, decimals = 3): string {
  const { suffix, divisor } = timeUnit(ns, Number.POSITIVE_INFINITY);
  return `${Number((ns / divisor).toFixed(decimals))} ${suffix}`;
}

import type { PoolEvent } from '@decpool/model';
import { printable } from '../text/printable.ts';

/** An event as a line that has all of it: what all events have, then its own fields as the log has them. */
export function eventLine({ seq, time, request, type, ...fields }: PoolEvent): string {
  return printable(`${seq} at ${time} ns, request ${request}: ${type} ${JSON.stringify(fields)}`);
}

/** Lines of two logs where they part: what both have, then what each has, behind a sign. */
export function partingLines(
  before: readonly PoolEvent[],
  [sign, event]: readonly [sign: string, event: PoolEvent | undefined],
  [otherSign, other]: readonly [sign: string, event: PoolEvent | undefined],
): string {
  const line = (mark: string, told: PoolEvent | undefined) =>
    `  ${mark} ${told === undefined ? '(no further event)' : eventLine(told)}\n`;
  return [...before.map((both) => line(' ', both)), line(sign, event), line(otherSign, other)].join('');
}

/** A point in a trace's own time, in ns. A bigint: ns since boot pass 2^53 after 104 days of uptime. */
export type Timestamp = bigint;

const SECONDS = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/** Decimal seconds of up to twelve digits, with up to nine decimals, as exact ns. Undefined for any other text. */
export function parseSeconds(text: string): Timestamp | undefined {
  const match = SECONDS.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1] + (match[2] ?? '').padEnd(9, '0'));
}

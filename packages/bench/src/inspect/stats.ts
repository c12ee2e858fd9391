/** Counts, rates and sizes of a log, and the facts of its header. Nothing is folded. */
import type { LogHeader } from '@decpool/model';
import { EVENT_TYPES } from '@decpool/model/internal';
import type { OpenLog } from '../log/open.ts';
import { policiesText } from '../report/policies-text.ts';
import { countText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';

export const factsOf = (header: LogHeader) => ({
  workload: header.workload.name,
  policy: header.policy,
  /** Of a fork: who decided the requests up to which, oldest first; the policy decided those after them. */
  handovers: header.handovers ?? [],
  platform: header.platform.name,
  memory: header.memory.name,
  seed: header.seed,
});

/** The facts as lines, a label before each. */
export function factLines(facts: ReturnType<typeof factsOf>): string[] {
  return [
    factLine('workload', facts.workload),
    factLine('policy', policiesText(facts)),
    factLine('platform', facts.platform),
    factLine('memory', facts.memory),
    factLine('seed', String(facts.seed)),
  ];
}

const LABEL_WIDTH = 12;
export const factLine = (label: string, text: string): string =>
  `${label.padEnd(LABEL_WIDTH)} ${printable(text)}`;

/** `complete`: sealed by the run that wrote it. `saved`: sealed, of a run that was cut off. `cut-off`: without a seal. */
export type LogEnd = 'complete' | 'saved' | 'cut-off';

/** Reads a log once, a segment at a time. Throws InputError if it was altered or is damaged. */
export async function statsOf(log: OpenLog) {
  const byType = EVENT_TYPES.map((type) => ({ type, count: 0 }));
  // Requests are numbered without a gap.
  let requests = 0;
  /** Simulated, from 0 to the last event. */
  let durationNs = 0;
  for await (const batch of log.batches()) {
    for (let row = 0; row < batch.length; row++) byType[batch.typeAt(row)].count++;
    requests = Math.max(requests, batch.requestAt(batch.length - 1));
    durationNs = batch.timeAt(batch.length - 1);
  }
  const { events, bytes } = log;
  const seconds = durationNs / 1e9;
  const found = byType.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  return {
    header: factsOf(log.header),
    format: log.format,
    isGzip: log.isGzip,
    schemaVersion: log.version,
    end: endOf(log),
    // Of an incomplete segment at the end.
    tornEvents: log.torn?.events ?? 0,
    tornBytes: log.torn?.bytes ?? 0,
    segments: log.segments,
    keyframesAtEvents: [...log.keyframes],
    sizeBytes: bytes,
    events,
    bytesPerEvent: ratio(bytes, events),
    ...{ requests, durationNs },
    eventsPerSecond: ratio(events, seconds),
    requestsPerSecond: ratio(requests, seconds),
    eventsByType: Object.fromEntries(found.map(({ type, count }) => [type, count])),
  };
}

export function endOf({ seal }: Pick<OpenLog, 'seal'>): LogEnd {
  if (seal === undefined) return 'cut-off';
  return seal.isCutOff === true ? 'saved' : 'complete';
}

/** To three decimals; 0 for a division by 0. */
const ratio = (of: number, by: number): number => (by === 0 ? 0 : Number((of / by).toFixed(3)));

type LogStats = Awaited<ReturnType<typeof statsOf>>;

export function statsText(stats: LogStats): string {
  const { events, durationNs } = stats;
  const count = (value: number) => formatValue(value, 'count');
  const lines = [
    ...factLines(stats.header),
    factLine(
      'format',
      `${stats.format}${stats.isGzip ? ', gzipped' : ''}, schema version ${stats.schemaVersion}`,
    ),
    factLine('end', endText(stats)),
    factLine(
      'size',
      `${formatValue(stats.sizeBytes, 'bytes')}, ${count(stats.bytesPerEvent)} bytes per event`,
    ),
    factLine('places', `${countText(stats.segments, 'segment')}, ${keyframesText(stats.keyframesAtEvents)}`),
    factLine('duration', `${timeText(durationNs)} simulated`),
    factLine('events', `${count(events)}, ${count(stats.eventsPerSecond)} per simulated second`),
    factLine('requests', `${count(stats.requests)}, ${count(stats.requestsPerSecond)} per simulated second`),
  ];
  return `${[...lines, typesTable(stats)].join('\n')}\n`;
}

export function endText({ end, tornEvents }: Pick<LogStats, 'end' | 'tornEvents'>): string {
  const torn = tornEvents === 0 ? '' : `; ${countText(tornEvents, 'event')} of a torn segment are left out`;
  if (end === 'complete') return 'sealed: the log is complete';
  return end === 'saved'
    ? 'sealed: what was saved of a run that was cut off'
    : `cut off: the run that wrote it did not end, or has not yet${torn}`;
}

/** As many as a line has room for. */
const KEYFRAMES_SHOWN = 5;

function keyframesText(keyframes: readonly number[]): string {
  if (keyframes.length === 0) return 'no keyframes';
  const shown = keyframes.slice(0, KEYFRAMES_SHOWN).map((events) => formatValue(events, 'count'));
  const more = keyframes.length > KEYFRAMES_SHOWN ? ', ...' : '';
  return `${countText(keyframes.length, 'keyframe')} (after events ${shown.join('; ')}${more})`;
}

const typesTable = ({ eventsByType, events }: LogStats): string =>
  plainTable(
    [textColumn('event type'), numberColumn('events'), numberColumn('share')],
    Object.entries(eventsByType).map(([type, count]) => [
      type,
      formatValue(count, 'count'),
      formatValue((100 * count) / events, 'percent'),
    ]),
  );

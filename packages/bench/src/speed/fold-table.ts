import { bulkSpeed, type Guest, history, liveSpeed, naiveSpeed } from './fold.ts';
import { grouped, speedTable, times } from './table.ts';

export const GUESTS: readonly Guest[] = [
  { name: '64 GiB guest', bytes: 64 * 2 ** 30, liveAllocations: 1_000_000 },
  { name: '4 GiB guest', bytes: 4 * 2 ** 30, liveAllocations: 60_000 },
];

/** Each way to fold, over the same events. */
export async function foldTable(guest: Guest): Promise<string> {
  const events = history(guest, 300_000);
  const naive = await naiveSpeed(events, 4_000, true);
  const withoutFreezing = await naiveSpeed(events, 4_000, false);
  const title = `${guest.name}, ${events.liveAllocations} live allocations`;
  return speedTable(
    [title, 'events', 'ns/event', 'events/s', 'vs naive'],
    [naive, withoutFreezing, liveSpeed(events, 50_000), bulkSpeed(events)].map(
      ({ way, events: count, nsPerEvent }) => [
        way,
        grouped(count),
        nsPerEvent.toFixed(0),
        grouped(1e9 / nsPerEvent),
        times(naive.nsPerEvent / nsPerEvent, 1),
      ],
    ),
  );
}

import { EventRows, observeAll, SharedIdle } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { allocated, decrypted, freed, objectAllocated, objectFreed, slabCreated } from './testing.ts';
import { Timeline } from './timeline.ts';

function timelineOf(events: readonly object[]): ReturnType<Timeline['points']> {
  const memory = new SharedIdle(12);
  const timeline = new Timeline(memory);
  const rows = new EventRows(Math.max(1, events.length));
  for (const event of events) rows.appendObject(event);
  observeAll(rows.seal(0), [memory, timeline]);
  return timeline.points();
}

it('tells what is idle and what is live after each moment', () => {
  const points = timelineOf([
    decrypted(0, 512, 5_000),
    allocated(1, 0, 12, 5_000),
    allocated(2, 12, 100, 90_000),
    freed(1, 0, 12, 200_000),
  ]);
  expect(points).toEqual([
    { time: 5_000, sharedIdleBytes: 500 * 4096, liveBytes: 12 * 4096 },
    { time: 90_000, sharedIdleBytes: 400 * 4096, liveBytes: 112 * 4096 },
    { time: 200_000, sharedIdleBytes: 412 * 4096, liveBytes: 100 * 4096 },
  ]);
});

it('counts bounce slots that are taken as live; those of the boot pool that nobody has taken are not idle', () => {
  const points = timelineOf([
    decrypted(0, 64, 5_000),
    { ...slabCreated(0, 64, 2048), time: 5_000 },
    objectAllocated(1, 1, 2048, 90_000),
    objectFreed(1, 200_000),
  ]);
  expect(points).toEqual([
    { time: 5_000, sharedIdleBytes: 0, liveBytes: 0 },
    { time: 90_000, sharedIdleBytes: 0, liveBytes: 2048 },
    { time: 200_000, sharedIdleBytes: 0, liveBytes: 0 },
  ]);
});

it('has at most 256 points however long a run is, the last one always among them', () => {
  const events = Array.from({ length: 5_000 }, (_, index) => [
    allocated(index + 1, 0, 1, index * 70_000),
    freed(index + 1, 0, 1, index * 70_000 + 1),
  ]).flat();
  const points = timelineOf(events);
  expect(points.length).toBeGreaterThan(100);
  expect(points.length).toBeLessThanOrEqual(256);
  expect(points.at(-1)).toEqual({ time: 4_999 * 70_000 + 1, sharedIdleBytes: 0, liveBytes: 0 });
  expect(points.map(({ time }) => time)).toEqual(points.map(({ time }) => time).sort((a, b) => a - b));
});

it('has a point for each 1024 ns in which something happened, the last value of each; for twice as many with more than 256', () => {
  const at = (times: readonly number[]) =>
    timelineOf(times.map((time, index) => allocated(index + 1, index, 1, time))).map(({ time }) => time);
  expect(at([0, 1000, 1024, 2047, 5000])).toEqual([1000, 2047, 5000]);
  const times = Array.from({ length: 257 }, (_, index) => index * 1024);
  expect(at(times.slice(1))).toEqual(times.slice(1));
  expect(at(times)).toEqual(times.filter((_, index) => index % 2 === 1 || index === 256));
});

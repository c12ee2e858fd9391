import { describe, expect, it } from 'vitest';
import { mixedDay } from './mixed-day.ts';
import { allocations, liveAtEnd } from './testing.ts';
import { durationOf } from './workload.ts';

const HOUR_NS = 3_600_000_000_000;

describe('by default', () => {
  const workload = mixedDay.generate();
  const asked = allocations(workload);

  it('it is a day of a moderate number of requests', () => {
    expect(durationOf(workload)).toBeGreaterThan(23.9 * HOUR_NS);
    expect(durationOf(workload)).toBeLessThanOrEqual(24 * HOUR_NS);
    expect(workload.requests.length).toBeGreaterThan(50_000);
    expect(workload.requests.length).toBeLessThanOrEqual(200_000);
  });

  it('every kind of consumer takes part, through every api', () => {
    const kinds = [
      /^netvsc /,
      /^storvsc /,
      /^hv_utils /,
      /hypercall/,
      /^virtio-net .* queue$/,
      /^virtio-blk .* queue$/,
      / map$/,
      /^nvme\d I\/O queue$/,
      / descriptor$/,
      / ITT$/,
      /^sev-guest /,
      /^tdx-guest /,
      /^system_cc_shared /,
    ];
    for (const kind of kinds)
      expect(
        asked.some(({ owner }) => kind.test(owner)),
        String(kind),
      ).toBe(true);
    expect(new Set(asked.map(({ api }) => api)).size).toBe(6);
  });

  it('there is far more to do in the afternoon than at night', () => {
    const between = (from: number, to: number) =>
      asked.filter(({ time, owner }) => / map$/.test(owner) && time >= from * HOUR_NS && time < to * HOUR_NS)
        .length;
    expect(between(14, 16)).toBeGreaterThan(5 * between(3, 5));
    expect(between(3, 5)).toBeGreaterThan(0);
  });

  it('no buffer, quote, report, descriptor or mapping outlives the day', () => {
    const left = liveAtEnd(workload).map(({ owner }) => owner);
    expect(
      left.filter((owner) => /map$|descriptor|system_cc_shared|tdx-guest|sev-guest/.test(owner)),
    ).toEqual([]);
  });
});

import type { Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { allocate, free } from '../bounds/testing.ts';
import { BlocksAt } from '../history/blocks-at.ts';
import { recordedRun } from '../history/testing.ts';
import { BLOCK_STATES, type InputHistory } from '../history/types.ts';
import { metricsOfRun } from '../metrics/metric.ts';
import { mapText } from './map-text.ts';

/** Rings of all sizes. Most are freed, so the rest is scattered if the policy does not group them. */
const requests: Request[] = Array.from({ length: 120 }, (_, index) => {
  const time = index * 1e7;
  return index < 80
    ? allocate(index + 1, [1, 16, 300, 2][index % 4], { time })
    : free((index - 80) * 2 + 1, time);
});

function history(memoryBytes: number, policies = ['gfp-decrypted', 'longest-free-range+block+immediate']) {
  const memory = freshBoot(memoryBytes);
  const runs = policies.map((policy) => recordedRun({ policy, requests, memory }));
  return { ...runs[0].history, runs: runs.map(({ run }) => run) } satisfies InputHistory;
}

const small = history(2 ** 28);

describe('a map of memory', () => {
  it.each([80, 160])('has a line for each policy when most memory lives, at %i columns', async (columns) => {
    await expect(mapText(small, { columns, mode: 'policies' })).toMatchFileSnapshot(
      `golden/map-policies-${columns}.txt`,
    );
  });

  it.each([80, 160])('has lines over time for each policy, at %i columns', async (columns) => {
    await expect(mapText(small, { columns, mode: 'time' })).toMatchFileSnapshot(
      `golden/map-time-${columns}.txt`,
    );
  });

  it.each(['policies', 'time'] as const)('over %s is plain, and never wider than it may be', (mode) => {
    for (let columns = 60; columns < 200; columns += 7) {
      const lines = mapText(small, { columns, mode }).split('\n');
      expect(lines.filter((line) => line.length > columns || !/^[ -~]*$/.test(line))).toEqual([]);
    }
  });

  it('shows where there is no RAM, and the part that matters where little was touched', () => {
    const large = history(2 ** 33);
    expect(mapText(large, { columns: 120, mode: 'policies' })).toMatch(/only part of memory/);
    const both = { ...large, runs: [{ ...large.runs[0], blocks: far(large.runs[0].blocks) }] };
    expect(mapText(both, { columns: 120, mode: 'policies' })).toMatch(/\/{5}/);
  });

  it('marks a block whose pages are in an unknown state', () => {
    const [run] = small.runs;
    const unknown = { ...run, blocks: { ...run.blocks, state: run.blocks.state.map(() => 4) } };
    expect(mapText({ ...small, runs: [unknown] }, { columns: 80, mode: 'policies' })).toMatch(/\|.*\?.*\|/);
  });

  it('counts at the end what the metrics count, also where conversions failed', () => {
    let unknownMixed = 0;
    for (const policy of ['gfp-decrypted', 'linux-6.12', 'longest-free-range+block+immediate']) {
      for (let seed = 1; seed <= 2; seed++) {
        const faults = { seed, decrypt: 0.1, encrypt: 0.2, converted: 0.5, retries: 0 };
        const told = recordedRun({ policy, requests, memory: freshBoot(2 ** 28), faults });
        const metrics = metricsOfRun(told.header);
        for (const batch of told.batches) metrics.observe(batch);
        const values = new Map(metrics.values(told.counters).map(({ id, value }) => [id, value]));
        const lines = mapText(told.history, { columns: 80, mode: 'time' }).split('\n');
        const [last] = lines.filter((line) => /\|(?: +\d+){3}$/.test(line)).slice(-1);
        const counts = last.split('|')[2].trim().split(/ +/).map(Number);
        const ofMetrics = (['blocks-now', 'mixed-now', 'splits-2m'] as const).map((id) => values.get(id));
        expect(counts, `${policy}, seed ${seed}`).toEqual(ofMetrics);
        unknownMixed += counts[1] - mixedByState(told.run);
      }
    }
    expect(unknownMixed).toBeGreaterThan(0);
  });

  it('says that peak demand is sampled, if frames hold several requests', () => {
    const told = recordedRun({ policy: 'gfp-decrypted', requests, mostRows: 40, budget: 40 });
    expect(told.history.frames.requests[1]).toBeGreaterThan(1);
    expect(mapText(told.history, { columns: 199, mode: 'policies' })).toMatch(/sampled every \d+ requests/);
  });

  it('does not let the name of a policy move the cursor', () => {
    const [run] = small.runs;
    const named = { ...small, runs: [{ ...run, policy: 'own\u001b[2J' }] };
    expect(mapText(named, { columns: 80, mode: 'policies' })).toMatch(/^own\\u001b\[2J/m);
  });

  it('has colours for splits only where it may', () => {
    expect(mapText(small, { columns: 80, mode: 'policies', isColoured: true })).toContain('\u001b[33m');
    expect(mapText(small, { columns: 80, mode: 'policies' })).not.toContain('\u001b');
  });
});

/** Blocks in the state `mixed` after the last request: those with unknown pages are in another. */
function mixedByState({ blocks }: InputHistory['runs'][0]): number {
  const rows = new BlocksAt(blocks).rowsAt(Number.POSITIVE_INFINITY);
  return rows.filter((row) => BLOCK_STATES[blocks.state[row]] === 'mixed').length;
}

/** The first rows moved to the first block, so that all of memory lies between. */
const far = (blocks: InputHistory['runs'][0]['blocks']) => ({
  ...blocks,
  block: blocks.block.map((block) => (block === blocks.block[0] ? 0 : block)),
});

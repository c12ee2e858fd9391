import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, platformNamed, type Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocate, free } from '../bounds/testing.ts';
import { compare, logFileOf } from '../compare/compare.ts';
import { recordedRun } from '../history/testing.ts';
import { workload } from '../workloads/workload.ts';
import { readInputHistory } from './read-history.ts';
import { type Results, resultsOf } from './results.ts';

const requests: Request[] = [
  allocate(1, 600, { time: 10, owner: 'buffer' }),
  allocate(2, 4, { time: 20, owner: 'ring' }),
  free(1, 30),
];
const policies = ['gfp-decrypted', 'best-fit+page+reserve:256:1024+immediate'];
const folder = mkdtempSync(join(tmpdir(), 'decpool-history-'));
afterAll(() => rmSync(folder, { recursive: true }));

let results: Results;
beforeAll(async () => {
  const comparison = await compare(
    {
      name: 'small',
      workload: workload({ name: 'small', description: '', requests, notes: [] }),
      memory: freshBoot(64 * 2 ** 20),
      platform: platformNamed('snp'),
      policies,
      seeds: [1, 2],
      hasBootPools: false,
      notes: [],
    },
    { logs: { folder, format: 'ndjson' } },
  );
  results = resultsOf(comparison, 'decpool compare', (policy) => logFileOf(policy, 'ndjson'));
});

/** The results with other logs. */
const withLogs = (logs: readonly (string | undefined)[]): Results => ({
  ...results,
  policies: results.policies.map(({ log: _, ...policy }, index) => {
    const log = logs[index];
    return log === undefined ? policy : { ...policy, log };
  }),
});

describe('the history of an input', () => {
  it('is what a recorder of the running pool has', async () => {
    const history = await readInputHistory(folder, results);
    expect(history?.runs.map(({ policy, log }) => [policy, log])).toEqual(
      policies.map((policy) => [policy, `${policy}.ndjson`]),
    );
    for (const [index, policy] of policies.entries()) {
      const live = recordedRun({ policy, requests });
      expect(history?.runs[index]).toEqual({ ...live.run, log: `${policy}.ndjson` });
      expect({ ...history, runs: [], frames: [] }).toEqual({ ...live.history, runs: [], frames: [] });
    }
  });

  it('is there without the logs that are gone, and not at all where none is left', async () => {
    const some = await readInputHistory(folder, withLogs(['gone.ndjson', results.policies[1].log]));
    expect(some?.runs.map(({ policy }) => policy)).toEqual([policies[1]]);
    expect(await readInputHistory(folder, withLogs(['gone.ndjson', undefined]))).toBeUndefined();
    expect(await readInputHistory(join(folder, 'nowhere'), results)).toBeUndefined();
  });

  it('is refused where a log is of another policy, of other requests, or came to another end', async () => {
    const [first, second] = results.policies;
    const refusal = async (told: Results) => {
      const refused = readInputHistory(folder, told);
      await expect(refused).rejects.toThrow(InputError);
      return refused.catch((error: Error) => error.message);
    };
    const swapped = await refusal(withLogs([second.log, undefined]));
    expect(swapped).toContain(
      "its policy is 'best-fit+page+reserve:256:1024+immediate', expected 'gfp-decrypted'",
    );
    expect(swapped).toContain(join(folder, 'results.json'));
    expect(swapped).toContain(join(folder, String(second.log)));
    expect(await refusal({ ...results, input: { ...results.input, requestsHash: 'f00' } })).toContain(
      'its requests differ',
    );
    const runs = [{ ...first.runs[0], seed: 7, stateHash: 'f00' }];
    expect(await refusal({ ...results, policies: [{ ...first, runs }] })).toMatch(
      /its seed is 1, expected 7; its final state differs$/,
    );
  });

  it('is refused where a log is none', async () => {
    renameSync(join(folder, String(results.policies[0].log)), join(folder, 'moved'));
    await expect(readInputHistory(folder, withLogs(['.']))).rejects.toThrow(/expected an event log/);
  });
});

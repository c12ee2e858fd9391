import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDefinition, type SweepDefinition } from '../sweep/definition.ts';
import { ended, NATS_SERVER, NatsServer, startWorker } from '../sweep/nats/testing.ts';
import { decpool } from '../sweep/testing.ts';
import { subsetOf } from './subset.ts';

const FINDINGS = fileURLToPath(new URL('../../../../examples/sweeps/findings.json', import.meta.url));
/** Each takes 2 s of CPU time. */
const SEEDS = randomRuns(2);

/** Its paths begin at the folder of the definition. */
const absolute = (definition: SweepDefinition): SweepDefinition => ({
  ...definition,
  inputs: definition.inputs.map((input) => ({
    ...input,
    memory: input.memory?.map((memory) =>
      typeof memory === 'object' && 'state' in memory
        ? { ...memory, state: resolve(dirname(FINDINGS), memory.state) }
        : memory,
    ),
  })) as SweepDefinition['inputs'],
});

describe.skipIf(NATS_SERVER === undefined)(
  `a scenario of the findings on ${NATS_SERVER ?? 'a NATS server'}`,
  () => {
    let folder = '';
    let server: NatsServer;
    const resultsIn = (out: string) =>
      ['results.csv', 'results.json'].map((name) => readFileSync(join(folder, out, name)));
    const sweep = (out: string, ...more: readonly string[]) =>
      decpool('sweep', join(folder, 'subset.json'), '--out', join(folder, out), ...more);

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'decpool-nats-'));
      const subset = await subsetOf(readDefinition(FINDINGS), FINDINGS, 1);
      const definition = { ...absolute(subset), seeds: subset.seeds.slice(0, SEEDS) };
      writeFileSync(join(folder, 'subset.json'), JSON.stringify(definition));
      server = await NatsServer.start(folder);
      expect(await sweep('alone')).toMatchObject({ code: 0 });
    });
    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    it.each([1, 3])('has the bytes of one machine with %i workers', async (count) => {
      const workers = Array.from({ length: count }, () => startWorker(server.url));
      try {
        const out = `workers-${count}`;
        const { code, stdout } = await sweep(out, '--on', server.url);
        expect({ code, stdout }).toMatchObject({
          code: 0,
          stdout: expect.stringContaining('delivered    0 cells again'),
        });
        expect(resultsIn(out)).toEqual(resultsIn('alone'));
      } finally {
        await Promise.all(workers.map((worker) => ended(worker, 'SIGTERM')));
      }
    });
  },
);

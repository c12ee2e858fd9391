/**
 * How well the page source guesses where a kernel's allocations land: the table in docs/architecture.md is compared
 * with what the recordings hold and what a run gives now. `UPDATE_DOCS=1` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { compare, importTrace, readMemoryState, type Spread } from '@decpool/bench';
import { platformNamed } from '@decpool/model';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = join(root, 'docs/architecture.md');
const traces = join(root, 'examples/traces');

const FRESH = 'fresh boot';
const FRAGMENTED = 'fragmented on purpose';
const AGED = 'page cache full, churn';

interface Experiment {
  /** Folder of the memory state before the requests. */
  readonly state: string;
  /** What the kernel then did with them. */
  readonly recording: string;
  readonly requests: 'seq0' | 'seqmix';
  readonly memory: string;
}

const seq0 = (state: string, recording: string, memory: string): Experiment => ({
  state,
  recording,
  requests: 'seq0',
  memory,
});

const EXPERIMENTS: readonly Experiment[] = [
  seq0('k61-E1f-before', 'k61/E1f/ops', FRESH),
  seq0('k73-E1f-before', 'k73/E1f/ops', FRESH),
  seq0('k61-E1w-before', 'k61/E1w/ops', `${FRAGMENTED} (calibrated on)`),
  seq0('k73-E1w-before', 'k73/E1w/ops', FRAGMENTED),
  seq0('k61-E1a-before', 'k61/E1a/ops', AGED),
  seq0('k61-E1d-before', 'k61/EP/E1d', AGED),
  seq0('k73-E1d-before', 'k73/EP/E1d', AGED),
  { state: 'k73-E1m-before', recording: 'k73/E1m/ops', requests: 'seqmix', memory: AGED },
];

const SEEDS = [1, 2, 3, 4, 5];

/** Splits that the kernel counted in all calls of a recording, of 2M and of 1G entries. */
function kernelSplits(recording: string): readonly [number, number] {
  const [head, ...rows] = gunzipSync(readFileSync(join(traces, 'recordings', `${recording}.csv.gz`)))
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(','));
  const sum = (name: string): number => {
    const column = head.indexOf(name);
    expect(column, `${recording} has the column ${name}`).toBeGreaterThanOrEqual(0);
    return rows.reduce((total, row) => total + Number(row[column]), 0);
  };
  return [sum('l2_split_delta'), sum('l3_split_delta')];
}

/** The kernel's own way of placing pages, and a pool. */
const POLICIES = ['gfp-decrypted', 'longest-free-range+block+immediate'];

interface Splits {
  readonly of2M: Spread;
  readonly of1G: Spread;
}

/** What each of POLICIES splits over the seeds. */
async function modelSplits({ state, requests }: Experiment): Promise<Splits[]> {
  const { workload } = await importTrace(join(traces, 'requests', `${requests}.txt`));
  const { policies } = await compare({
    name: state,
    workload,
    memory: readMemoryState(join(traces, 'memory', state)).memory,
    platform: platformNamed('snp'),
    policies: POLICIES,
    seeds: SEEDS,
    notes: [],
  });
  return policies.map(({ metrics }) => {
    const spread = (id: string) => metrics.find(({ metric }) => metric.id === id)!.spread;
    return { of2M: spread('splits-2m'), of1G: spread('splits-1g') };
  });
}

/** `405`, and `+ 1` where 1G entries were split as well. */
const counted = (of2M: number, of1G: number): string => (of1G === 0 ? `${of2M}` : `${of2M} + ${of1G}`);

async function rowOf(experiment: Experiment): Promise<string> {
  const { state, recording, requests, memory } = experiment;
  const [kernelLike, pool] = await modelSplits(experiment);
  const cells = [
    `\`${state}\``,
    memory,
    `\`${requests}\``,
    counted(...kernelSplits(recording)),
    counted(kernelLike.of2M.median, kernelLike.of1G.median),
    `${kernelLike.of2M.min}..${kernelLike.of2M.max}`,
    counted(pool.of2M.max, pool.of1G.max),
  ];
  return `| ${cells.join(' | ')} |`;
}

const TABLE = /(\| state before \|.*\n\|[-|]+\n)((?:\|.*\n)*)/;

describe('the table of how well the placement guess does', async () => {
  const rows: string[] = [];
  for (const experiment of EXPERIMENTS) rows.push(await rowOf(experiment));

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(document, 'utf8');
    writeFileSync(
      document,
      text.replace(TABLE, (_, head: string) => `${head}${rows.join('\n')}\n`),
    );
  }
  const written = TABLE.exec(readFileSync(document, 'utf8'))?.[2].trimEnd().split('\n');

  it('has a row for each state', () => {
    expect(written).toHaveLength(EXPERIMENTS.length);
  });

  it.each(EXPERIMENTS.map(({ state, memory }, index) => ({ state, memory, index })))(
    'says of $state, $memory, what the recording and a run say',
    ({ index }) => {
      expect(written?.[index]).toBe(rows[index]);
    },
  );
});

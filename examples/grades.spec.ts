/**
 * How much each grade of a memory state is worth, on the bundled runs with every list: the table in docs/memory-states.md is compared
 * with what the page source gives now. `UPDATE_DOCS=1` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MemoryState, type Pfn, spanOf, x86Geometry } from '@decpool/model';
import { PageSource } from '@decpool/pool/internal';
import { expect, it } from 'vitest';
import { spreadOf } from '../packages/bench/src/compare/spread.ts';
import { type Freelists, readFreelists } from '../packages/bench/src/traces/memory-state/freelists.ts';
import { withPositions } from '../packages/bench/src/traces/memory-state/page-flags.ts';
import { pageFlagsOf } from '../packages/bench/src/traces/memory-state/testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = join(root, 'docs/memory-states.md');
const SEEDS = [1, 2, 3, 4, 5];
const RUNS = [
  'k61/fresh-blocks-1',
  'k73/fresh-mix-1',
  'k73/convert-fresh-mix-1',
  'k612/half-blocks-1',
  'k61/frag-mix-1',
  'k612/convert-holes-order0-1',
  'k73/aged-cpus-1',
  'k61/low-order0-1',
  'k73/low-mix-1',
  'k612/churn-order0-1',
];
const KERNELS = { k61: '6.x', k612: '6.12', k73: '7.x' } as const;
const BLOCK_ORDER = 9;

const blockOf = (pfn: number) => pfn >> BLOCK_ORDER;

/** Blocks that the sequence's chunks below a block lie in, if others stay away. */
function blocksTouched(
  { steps }: Freelists,
  memory: MemoryState,
  seed: number,
  kernel: keyof typeof KERNELS,
): number {
  const source = new PageSource(memory, x86Geometry(spanOf(memory)), seed, {
    kernel: KERNELS[kernel],
    perCpuLists: true,
    compaction: false,
  });
  const held = new Map<number, { readonly pfn: Pfn; readonly order: number }>();
  const blocks = new Set<number>();
  for (const step of steps) {
    if (step.kind === 'allocate') {
      const pfn = source.claim(step.order, 'Unmovable');
      if (pfn === -1) continue;
      held.set(step.id, { pfn, order: step.order });
      if (step.order < BLOCK_ORDER) blocks.add(blockOf(pfn));
    } else if (step.kind === 'free') {
      const chunk = held.get(step.id);
      held.delete(step.id);
      if (chunk !== undefined) source.giveBack(chunk.pfn, chunk.order);
    }
  }
  return blocks.size;
}

function rowOf(run: string): string {
  const recording = readFreelists(join(root, 'examples/traces/exact', run, 'freelists.gz'));
  const kernel = run.split('/')[0] as keyof typeof KERNELS;
  const { exact: _, ...counts } = recording.memory;
  const flags = pageFlagsOf(recording.memory);
  const positions = { ...counts, zones: counts.zones.map((zone) => withPositions(zone, flags, [])) };
  const recorded = recording.steps.flatMap((step) =>
    step.kind === 'allocate' && step.pfn > 0 && step.order < BLOCK_ORDER ? [blockOf(step.pfn)] : [],
  );
  const cells = [
    `\`${run}\``,
    new Set(recorded).size,
    blocksTouched(recording, recording.memory, 1, kernel),
    ...[positions, counts].map((memory) => {
      const { median, min, max } = spreadOf(
        SEEDS.map((seed) => blocksTouched(recording, memory, seed, kernel)),
      );
      return `${median} (${min}..${max})`;
    }),
  ];
  return `| ${cells.join(' | ')} |\n`;
}

const TABLE = /(\| run \| kernel \| exact \|.*\n\|[-|]+\n)((?:\|.*\n)*)/;

it('docs/memory-states.md says how many blocks a run touches by each grade', () => {
  const rows = RUNS.map(rowOf).join('');
  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(document, 'utf8').replace(TABLE, (_, head: string) => head + rows);
    writeFileSync(document, text);
  }
  expect(TABLE.exec(readFileSync(document, 'utf8'))?.[2]).toBe(rows);
});

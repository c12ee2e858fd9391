/**
 * Why buffers taken in contiguous chunks (vmbus_alloc_buffer(), drivers/hv/channel.c, 7.3) cost the splits that they
 * did: told from the rows of the recording. A chunk of a whole block or more splits no 2M entry, only the
 * remainder below a block can, and then only where the kernel puts it into a block that is still mapped by 2M.
 */
import type { MappingRun } from '@decpool/model';
import type { RecordedRow, Recording } from '../recording.ts';
import { allocatingRows, orderOf } from './requests.ts';

export interface BufferStory {
  /** Whether each split is by a chunk that can split: the explanation holds. */
  readonly holds: boolean;
  /** The explanation, a sentence a line. */
  readonly lines: readonly string[];
}

/** Order of a block that a 2M entry maps, and of a region that a 1G entry maps. */
const BLOCK_ORDER = 9;
const BLOCK_PAGES = 1 << BLOCK_ORDER;

export function explainBuffers(recording: Recording, levels: readonly MappingRun[]): BufferStory {
  const rows = allocatingRows(recording);
  const small = rows.filter((row) => row.pages < BLOCK_PAGES);
  const splitting = rows.filter((row) => row.delta.splits2M > 0);
  const stray = splitting.filter((row) => !small.includes(row));
  const blockOf = (row: RecordedRow) => Math.floor(row.pfn / BLOCK_PAGES);
  const was4K = (row: RecordedRow) =>
    levels.some(([start, pages, level]) => level === 1 && row.pfn >= start && row.pfn < start + pages);
  const places = new Set(small.map(blockOf)).size;
  const at4K = small.filter((row) => row.delta.splits2M === 0 && was4K(row)).length;
  const again = small.filter((row) => row.delta.splits2M === 0 && !was4K(row)).length;

  const lines = [
    `${rows.length} chunks: ${countsByOrder(recording, rows)}`,
    `${small.length} of them are below a block (order ${BLOCK_ORDER}); they lie in ${counted(places, 'block')}: ` +
      `${counted(splitting.length - stray.length, 'split')}, ${again} in a block that the run itself had split, ` +
      `${at4K} in one mapped by 4K pages before it`,
  ];
  for (const row of rows.filter(({ delta }) => delta.splits1G > 0)) {
    lines.push(
      `${recording.file}:${row.line}: a chunk of order ${orderOf(recording, row)} inside a 1G entry split that`,
    );
  }
  for (const row of stray) {
    lines.push(
      `${recording.file}:${row.line}: a chunk of order ${orderOf(recording, row)} split a 2M entry; expected none from order ${BLOCK_ORDER} on`,
    );
  }
  return { holds: stray.length === 0, lines };
}

function countsByOrder(recording: Recording, rows: readonly RecordedRow[]): string {
  const counts = new Map<number, { chunks: number; splits: number }>();
  for (const row of rows) {
    const order = orderOf(recording, row);
    const { chunks, splits } = counts.get(order) ?? { chunks: 0, splits: 0 };
    counts.set(order, { chunks: chunks + 1, splits: splits + row.delta.splits2M });
  }
  return [...counts]
    .sort(([a], [b]) => b - a)
    .map(([order, { chunks, splits }]) => `${chunks} of order ${order} (${counted(splits, '2M split')})`)
    .join(', ');
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * Explains the splits of a run of buffers from its rows. vmbus_alloc_buffer() (drivers/hv/channel.c, 7.3) takes contiguous
 * chunks. Only a remainder below a block can split a 2M entry.
 */
import { countText } from '../../text/counts.ts';
import type { AllocatingRow, ScatterRun } from './run.ts';

export interface BufferStory {
  /** Whether only chunks below a block split 2M entries. */
  readonly holds: boolean;
  /** The explanation, a sentence a line. */
  readonly lines: readonly string[];
}

/** Order of a block that a 2M entry maps. */
const BLOCK_ORDER = 9;

/** `file` is the recording, for the lines about single rows. */
export function explainBuffers({ allocations, levels }: ScatterRun, file: string): BufferStory {
  const small = allocations.filter(({ order }) => order < BLOCK_ORDER);
  const blocks = new Set(small.map(({ pfn }) => pfn >> BLOCK_ORDER)).size;
  const splitting = small.filter(({ delta }) => delta.splits2M > 0).length;
  const isMapped4K = ({ pfn }: AllocatingRow) =>
    levels.some(([start, pages, level]) => level === 1 && pfn >= start && pfn < start + pages);
  const mapped4K = small.filter((row) => row.delta.splits2M === 0 && isMapped4K(row)).length;
  const rowLine = ({ line, order }: AllocatingRow, text: string) =>
    `${file}:${line}: a chunk of order ${order} ${text}`;
  const wrong = allocations.filter(({ order, delta }) => order >= BLOCK_ORDER && delta.splits2M > 0);
  return {
    holds: wrong.length === 0,
    lines: [
      `${allocations.length} chunks: ${countsByOrder(allocations)}`,
      `${small.length} of them are smaller than a block (order ${BLOCK_ORDER}) and lie in ${countText(blocks, 'block')}: ` +
        `${splitting} with a 2M split, ${small.length - splitting - mapped4K} in a block that the run had split before, ` +
        `${mapped4K} in a block mapped by 4K pages before the run`,
      ...allocations
        .filter(({ delta }) => delta.splits1G > 0)
        .map((row) => rowLine(row, 'split the 1G entry that it lies in')),
      ...wrong.map((row) =>
        rowLine(row, `split a 2M entry; chunks from order ${BLOCK_ORDER} on should split none`),
      ),
    ],
  };
}

function countsByOrder(allocations: readonly AllocatingRow[]): string {
  const orders = [...new Set(allocations.map(({ order }) => order))].sort((a, b) => b - a);
  return orders
    .map((of) => {
      const chunks = allocations.filter(({ order }) => order === of);
      const splits = chunks.reduce((sum, { delta }) => sum + delta.splits2M, 0);
      return `${chunks.length} of order ${of} (${countText(splits, '2M split')})`;
    })
    .join(', ');
}

/**
 * What a recorded run asked the page allocator for. A row that converts right after alloc_pages() is a request of its
 * order, one that reverts right before __free_pages() its free. Where the kernel put it, the recorded pfn, is the answer,
 * and is left out here.
 */
import { InputError, MAX_PAGE_ORDER } from '@decpool/model';
import type { RecordedRow, Recording } from '../recording.ts';

export type ScatterRequest =
  | { readonly kind: 'allocate'; readonly key: string; readonly order: number }
  | { readonly kind: 'free'; readonly key: string };

const ALLOCATING: readonly string[] = ['x', 'vb'];
const FREEING: readonly string[] = ['y', 'vbf'];

const rowsOf = (recording: Recording): RecordedRow[] =>
  recording.entries.filter((entry) => entry.kind === 'row');

/** Whether every conversion of a recording belongs to an allocation or a free. */
export function isScatter(recording: Recording): boolean {
  const converting = rowsOf(recording).filter((row) => row.operation.scope !== 'none');
  return (
    converting.length > 0 && converting.every(({ op }) => ALLOCATING.includes(op) || FREEING.includes(op))
  );
}

/** The rows that allocate and succeeded. */
export const allocatingRows = (recording: Recording): RecordedRow[] =>
  rowsOf(recording).filter((row) => row.rc === 0 && ALLOCATING.includes(row.op));

/** Buffers in chunks, as vmbus_alloc_buffer() (drivers/hv/channel.c, 7.3) takes them. */
export const isOfBuffers = (recording: Recording): boolean => rowsOf(recording).some(({ op }) => op === 'vb');

/**
 * The requests in their order. Rows that failed changed nothing and are left out. Throws InputError with file and line
 * for a page count that alloc_pages() does not serve, and for an allocation that is made or freed twice.
 */
export function requestsOf(recording: Recording): ScatterRequest[] {
  const live = new Set<string>();
  const requests: ScatterRequest[] = [];
  for (const row of rowsOf(recording)) {
    const isAllocation = ALLOCATING.includes(row.op);
    if (row.rc !== 0 || !(isAllocation || FREEING.includes(row.op))) continue;
    if (live.has(row.id) === isAllocation) {
      throw refuse(
        recording,
        row,
        `'${row.op}' of allocation ${row.id}, which is ${isAllocation ? 'already live' : 'not live'}`,
        'one allocation, then one free, per id',
      );
    }
    if (isAllocation) {
      live.add(row.id);
      requests.push({ kind: 'allocate', key: row.id, order: orderOf(recording, row) });
    } else {
      live.delete(row.id);
      requests.push({ kind: 'free', key: row.id });
    }
  }
  return requests;
}

/** The order of an allocating row. Throws InputError when its pages are no power of two, or more than MAX_PAGE_ORDER has. */
export function orderOf(recording: Recording, row: RecordedRow): number {
  const order = Math.log2(row.pages);
  if (!Number.isInteger(order) || order > MAX_PAGE_ORDER) {
    throw refuse(recording, row, `${row.pages} pages`, `a power of two up to ${2 ** MAX_PAGE_ORDER}`);
  }
  return order;
}

function refuse(recording: Recording, row: RecordedRow, wrong: string, expected: string): InputError {
  return new InputError(`${recording.file}:${row.line}: ${wrong}; expected ${expected}`);
}

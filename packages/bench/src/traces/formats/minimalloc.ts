/**
 * Buffers with known lifetimes, as google/minimalloc packs them: a CSV with a heading and the columns `id`, `lower`,
 * `upper` and `size`, in any order, among others. A buffer lives from the time `lower` until just before `upper`.
 */
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { bytesOf, wholeNumber } from '../events/event-fields.ts';
import type { TraceFormat } from '../format.ts';

const COLUMNS = ['id', 'lower', 'upper', 'size'] as const;

/** ns. The time of a file has no unit. */
const TIME_STEP = 1000;
const MAX_TIME = Math.floor(Number.MAX_SAFE_INTEGER / TIME_STEP);

interface Buffer {
  readonly lower: number;
  readonly upper: number;
  readonly bytes: number;
}

export const minimalloc: TraceFormat = {
  name: 'minimalloc',
  description: 'Buffers whose lifetimes are known before the first is allocated.',
  example: 'id,lower,upper,size',
  takesShared: false,
  recognises: (text) => columnsOf(text) !== undefined,
  reader(into, owner) {
    into.note(
      'A step of the file counts as 1 us, a unit of its sizes as a byte. Each buffer has whole pages.',
    );
    const buffers: Buffer[] = [];
    const ids = new Set<string>();
    let columns: readonly number[] | undefined;

    function bufferOf(text: string): Buffer | string {
      const cells = text.split(',').map((cell) => cell.trim());
      const [id, lower, upper, size] = (columns ?? []).map((at) => cells[at]);
      const [from, to, bytes] = [wholeNumber(lower, MAX_TIME), wholeNumber(upper, MAX_TIME), bytesOf(size)];
      if (!id || from === undefined || to === undefined || bytes === undefined) {
        return 'expected id,lower,upper,size: an id, whole numbers, and a size from 1 to 4 GiB - 1';
      }
      if (from >= to) return `the buffer ends at ${to}, not after its begin at ${from}`;
      if (ids.has(id)) return `a second buffer ${id}`;
      ids.add(id);
      return { lower: from, upper: to, bytes };
    }

    return {
      read(text) {
        const heading = columnsOf(text);
        if (heading !== undefined) {
          columns = heading;
          into.ignore('headings');
          return undefined;
        }
        const buffer = bufferOf(text);
        if (typeof buffer === 'string') return buffer;
        buffers.push(buffer);
        return undefined;
      },
      end() {
        // At one time frees come first: a buffer does not live at its `upper`.
        const ends = [
          ...buffers.map((buffer, key) => ({ at: buffer.upper, key, buffer: undefined })),
          ...buffers.map((buffer, key) => ({ at: buffer.lower, key, buffer })),
        ].sort((a, b) => a.at - b.at);
        for (const { at, key, buffer } of ends) {
          const time = BigInt(at * TIME_STEP);
          if (buffer === undefined) into.freeOfAllocationLine(key, time);
          else {
            const pages = pagesFor(buffer.bytes, PAGE_SHIFT);
            into.allocate(key, time, { api: 'alloc_pages_exact', owner, pages, bytes: buffer.bytes });
          }
        }
      },
    };
  },
};

/** Where the columns are; undefined for any other line. */
function columnsOf(text: string): readonly number[] | undefined {
  if (text.length > 1000) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const columns = COLUMNS.map((name) => names.indexOf(name));
  return columns.includes(-1) ? undefined : columns;
}

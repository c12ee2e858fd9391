/**
 * Calls of malloc() and free() by whole programs, as rustwasm/wee_alloc records them: `Alloc(BYTES)` and `Free(K)`, the
 * free of the K-th Alloc, counted from 0. A comma may end a line.
 */
import { MAX_PAGE_ORDER, PAGE_SIZE } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { bytesOf } from '../events/event-fields.ts';
import type { TraceFormat } from '../format.ts';
import { STEADY_INTERVAL, STEADY_NOTE } from '../steady-times.ts';

const LINE = /^(Alloc|Free)\((\d{1,15})\),?\s*$/;

/** KMALLOC_MAX_SIZE (include/linux/slab.h). kvmalloc() takes more from vmalloc(). */
const MAX_KMALLOC = PAGE_SIZE << MAX_PAGE_ORDER;

export const weeAlloc: TraceFormat = {
  name: 'wee-alloc',
  description: 'Objects of a program that calls malloc() and free(), served by kmalloc().',
  example: 'Alloc(552),',
  takesShared: false,
  recognises: (text) => LINE.test(text),
  reader(into, owner) {
    into.note(STEADY_NOTE);
    into.note('The trace is of a user-space program. Each malloc() counts as a kmalloc() of its bytes.');
    let allocs = 0;
    let calls = 0n;
    /** Allocs without memory. */
    const empty = new Set<number>();
    return {
      read(text) {
        const [, call, number] = LINE.exec(text) ?? [];
        if (number === undefined) return 'expected Alloc(BYTES) or Free(NUMBER OF THE ALLOC, FROM 0)';
        const at = STEADY_INTERVAL * calls++;
        if (call === 'Free') {
          const alloc = Number(number);
          if (alloc >= allocs) return `Free(${number}) after ${allocs} Allocs`;
          if (empty.delete(alloc)) into.ignore('Free of no bytes');
          else into.free(alloc, at);
          return undefined;
        }
        const alloc = allocs++;
        const bytes = bytesOf(number);
        if (bytes !== undefined) {
          const api = bytes > MAX_KMALLOC ? 'vmalloc' : 'kmalloc';
          into.allocate(alloc, at, { api, owner, pages: pagesFor(bytes, PAGE_SHIFT), bytes });
          return undefined;
        }
        empty.add(alloc);
        if (Number(number) > 0) return `${number} bytes; expected less than 4 GiB`;
        into.ignore('Alloc of no bytes');
        return undefined;
      },
      end() {},
    };
  },
};

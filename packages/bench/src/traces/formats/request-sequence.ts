/** Text of a kernel module that allocates and frees pages: `a ID ORDER` allocates, `f ID ORDER` frees, `#` is a comment. */
import { MAX_PAGE_ORDER } from '@decpool/model';
import { wholePages } from '../../workloads/request-list.ts';
import type { TraceFormat } from '../format.ts';
import { STEADY_INTERVAL, STEADY_NOTE } from '../steady-times.ts';

const LINE = /^([af]) (\d{1,15}) (\d{1,2})\s*$/;

export const requestSequence: TraceFormat = {
  name: 'request-sequence',
  description: 'Page allocations and frees by order, as a test module made them.',
  example: 'a 17 3',
  takesShared: false,
  recognises: (text) => LINE.test(text),
  reader(into, owner) {
    into.note(STEADY_NOTE);
    const orders = new Map<number, number>();
    let requests = 0n;
    return {
      read(text) {
        if (text.startsWith('#')) {
          into.ignore('comments');
          return undefined;
        }
        const match = LINE.exec(text);
        if (match === null) return 'expected a ID ORDER or f ID ORDER';
        const [id, order] = [Number(match[2]), Number(match[3])];
        const isFree = match[1] === 'f';
        if (order > MAX_PAGE_ORDER) return `order ${order} is above ${MAX_PAGE_ORDER}, the highest there is`;
        const allocated = orders.get(id);
        if (isFree && allocated !== undefined && allocated !== order) {
          return `${id} was allocated with order ${allocated}`;
        }
        const at = STEADY_INTERVAL * requests++;
        if (isFree) {
          into.free(id, at);
          orders.delete(id);
        } else {
          into.allocate(id, at, wholePages(2 ** order, owner));
          orders.set(id, order);
        }
        return undefined;
      },
      end() {},
    };
  },
};

import {
  type AllocateRequest,
  type FreeRequest,
  MAX_PAGE_ORDER,
  orderFor,
  type StateView,
} from '@decpool/model';
import type { Policy, PolicyFactory, Recorder } from '../policy.ts';

/**
 * `__GFP_DECRYPTED` as prototyped on the kernel mailing list in June 2024: the page allocator decrypts every
 * allocation on its own in post_alloc_hook() and encrypts it again in free_pages_prepare(). Nothing is grouped:
 * where a request lands is decided by the free lists alone. An exact count takes, and converts, the whole power of
 * two; vmalloc takes order-0 pages from the bulk allocator (mm/vmalloc.c, 6.12), each with a conversion of its own.
 */
export const gfpDecrypted: PolicyFactory = (): Policy => ({
  name: 'gfp-decrypted',

  allocate(request: AllocateRequest, view: StateView, record: Recorder): void {
    const isScattered = request.api === 'vmalloc';
    const order = isScattered ? 0 : orderFor(request.pages);
    if (order > MAX_PAGE_ORDER) {
      record.fail('too-large');
      return;
    }
    const chunks = isScattered ? request.pages : 1;
    for (let made = 0; made < chunks; made++) {
      const start = record.claim(order);
      if (start === -1) {
        release(request, view, record);
        record.fail('out-of-memory');
        return;
      }
      record.decrypt(start, 2 ** order);
      record.allocate(start, 2 ** order);
    }
  },

  free: release,
});

function release(request: AllocateRequest | FreeRequest, view: StateView, record: Recorder): void {
  for (let left = view.extentCount(request.allocation); left > 0; left--) {
    const start = view.extentPfn(request.allocation);
    const pages = view.extentPages(request.allocation);
    record.free(start, pages);
    record.encrypt(start, pages);
    record.giveBack(start, pages);
  }
}

/** For specs: requests written by hand, and drawn at random. */
import { type AllocateRequest, allocationId, GFP, nanoseconds, type Request } from '@decpool/model';
import fc from 'fast-check';

export const allocate = (
  allocation: number,
  pages: number,
  told: Partial<Omit<AllocateRequest, 'time'>> & { readonly time?: number } = {},
): Request => ({
  kind: 'allocate',
  allocation: allocationId(allocation),
  api: 'alloc_pages_exact',
  pages,
  bytes: pages * 4096,
  owner: 'a',
  ...told,
  time: nanoseconds(told.time ?? 0),
});

export const free = (allocation: number, time = 0, gfp = 0): Request => ({
  kind: 'free',
  time: nanoseconds(time),
  allocation: allocationId(allocation),
  gfp,
});

const wanted = fc.oneof(
  fc.record({
    api: fc.constantFrom('alloc_pages_exact' as const, 'vmalloc' as const),
    pages: fc.constantFrom(1, 2, 3, 64, 100, 256, 400, 512, 600, 1024),
  }),
  fc.integer({ min: 1, max: 9000 }).map((bytes) => ({
    api: 'kmalloc' as const,
    pages: Math.ceil(bytes / 4096),
    bytes,
  })),
);

const steps = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ wanted, gap: fc.nat(3_000_000), isAtomic: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ freed: fc.nat(), gap: fc.nat(3_000_000), isAtomic: fc.boolean() }) },
  ),
  { maxLength: 60 },
);

/** Well-formed lists of requests; `atomic`: with callers that may not sleep. */
export const requestLists = (contexts: 'sleeping' | 'atomic') =>
  steps.map((drawn): Request[] => {
    const requests: Request[] = [];
    const live: number[] = [];
    let time = 0;
    let last = 0;
    for (const step of drawn) {
      time += step.gap;
      const gfp = contexts === 'atomic' && step.isAtomic ? GFP.GFP_ATOMIC : 0;
      if ('wanted' in step) {
        live.push(++last);
        const { pages, ...others } = step.wanted;
        requests.push(allocate(last, pages, { ...others, gfp, time }));
      } else if (live.length > 0) {
        const [allocation] = live.splice(step.freed % live.length, 1);
        requests.push(free(allocation, time, gfp));
      }
    }
    return requests;
  });

/** What specs ask of a workload. */
import type { AllocateRequest, AllocationId, FreeRequest } from '@decpool/model';
import type { Workload } from './workload.ts';

export const allocations = ({ requests }: Workload): readonly AllocateRequest[] =>
  requests.filter((request) => request.kind === 'allocate');

export const frees = ({ requests }: Workload): readonly FreeRequest[] =>
  requests.filter((request) => request.kind === 'free');

export function liveAtEnd({ requests }: Workload): readonly AllocateRequest[] {
  const live = new Map<AllocationId, AllocateRequest>();
  for (const request of requests) {
    if (request.kind === 'allocate') live.set(request.allocation, request);
    if (request.kind === 'free') live.delete(request.allocation);
  }
  return [...live.values()];
}

/** Each different `api pages bytes` that owners with such a name ask for. */
export const sizesOf = (workload: Workload, owner: RegExp): ReadonlySet<string> =>
  new Set(
    allocations(workload)
      .filter((request) => owner.test(request.owner))
      .map(({ api, pages, bytes }) => `${api} ${pages} ${bytes}`),
  );

/** Flags that owners with such a name allocate with; undefined is GFP_KERNEL. */
export const flagsOf = (workload: Workload, owner: RegExp): ReadonlySet<number | undefined> =>
  new Set(
    allocations(workload)
      .filter((request) => owner.test(request.owner))
      .map(({ gfp }) => gfp),
  );

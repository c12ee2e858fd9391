import { createHash } from 'node:crypto';
import { ANY_NODE, GFP_KERNEL, gfpName, type Request } from '@decpool/model';

/** SHA-256 of requests one after the other, so that two logs can be told to come from the same ones. */
export class RequestsHash {
  readonly #hash = createHash('sha256');

  add(request: Request): void {
    this.#hash.update(`${requestText(request)}\n`);
  }

  /** 64 hex digits. Ends the hash. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** RequestsHash of all requests of a workload. */
export function requestsHash({ requests }: { readonly requests: Iterable<Request> }): string {
  const hash = new RequestsHash();
  for (const request of requests) hash.add(request);
  return hash.digest();
}

function requestText(request: Request): string {
  switch (request.kind) {
    case 'allocate': {
      const { time, allocation, api, pages, bytes, owner } = request;
      const { gfp = GFP_KERNEL, node = ANY_NODE, align = 1 } = request;
      const usual = gfp === GFP_KERNEL && node === ANY_NODE && align === 1;
      const attributes = usual ? '' : ` ${gfpName(gfp)} ${node} ${align}`;
      return `${time} a ${allocation} ${api} ${pages} ${bytes} ${owner}${attributes}`;
    }
    case 'free': {
      const context = (request.gfp ?? GFP_KERNEL) === GFP_KERNEL ? '' : ` ${gfpName(request.gfp ?? 0)}`;
      return `${request.time} f ${request.allocation}${context}`;
    }
    case 'map-user':
    case 'unmap-user':
      return `${request.time} ${request.kind} ${request.allocation}`;
    case 'background-allocate':
      return `${request.time} ${request.kind} ${request.key} ${request.order} ${request.migratetype}`;
    case 'background-free':
      return `${request.time} ${request.kind} ${request.key}`;
  }
}

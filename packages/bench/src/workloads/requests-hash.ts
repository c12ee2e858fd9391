import { createHash } from 'node:crypto';
import { ANY_NODE, GFP_KERNEL, type Request } from '@decpool/model';
import { gfpName } from '@decpool/model/internal';
import { cpuOfRequest } from './workload.ts';

/** Characters that are hashed at once: a call for each request would take most of the time. */
const CHUNK = 2 ** 14;

/** SHA-256 of requests in order: logs with the same hash come from the same requests. */
export class RequestsHash {
  readonly #hash = createHash('sha256');
  #pending = '';
  #hasBackground = false;

  add(request: Request): void {
    this.#pending += `${requestText(request)}\n`;
    if (this.#pending.length > CHUNK) this.#flush();
    this.#hasBackground ||= 'key' in request;
  }

  #flush(): void {
    this.#hash.update(this.#pending);
    this.#pending = '';
  }

  /** Whether other owners of memory made requests. A log does not hold the keys of their chunks. */
  get hasBackground(): boolean {
    return this.#hasBackground;
  }

  /** 64 hex digits. Ends the hash. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }
}

/** SHA-256 of a workload's requests, 64 hex digits: tells whether two runs had the same. */
export function requestsHash({ requests }: { readonly requests: Iterable<Request> }): string {
  const hash = new RequestsHash();
  for (const request of requests) hash.add(request);
  return hash.digest();
}

function requestText(request: Request): string {
  const cpu = cpuOfRequest(request);
  return cpu === 0 ? textWithoutCpu(request) : `${textWithoutCpu(request)} cpu ${cpu}`;
}

function textWithoutCpu(request: Request): string {
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
